"""What stands before every request: the key, the size of a body and the time it may take to come.

Plain ASGI, so that a body is counted as it arrives and never held beyond its limit. The log has
method, route, status and time of a request, and nothing of what it holds.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from fusehr.serve.http.refusals import RefusedError
from fusehr.serve.http.settings import MIB, Settings

log = logging.getLogger("fusehr.serve")

# the demo page itself tells nothing that needs a key; what it asks for does
PAGE = ("/demo", "/demo/page.css", "/demo/page.js", "/demo/example.csv")
OPEN = frozenset({"/healthz", "/docs", "/openapi.json", *PAGE})
MANY = "/predict/batch"
OTHER = "other"  # in the log and in metrics: a path that nobody serves is the caller's own words

UNREAD = frozenset({400, 401, 408, 413})  # what is left of the body is not read
CLOSE = (b"connection", b"close")

Told = Callable[[str, int, float], None]  # route, status, seconds


class Gatekeeper:
    """Wraps `app`. key: '' for none; routes: paths that the service has; told: of each answer."""

    def __init__(
        self, app: Any, *, settings: Settings, key: str, routes: frozenset[str], told: Told
    ) -> None:
        self._app, self._settings, self._key = app, settings, key.encode()
        self._routes, self._told = routes, told

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request; anything but HTTP passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 499  # the client went without an answer

        async def sent(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status in UNREAD:
                    message = {**message, "headers": [*message["headers"], CLOSE]}
            await send(message)

        try:
            self._admit(scope)
            await self._app(scope, self._counted(scope, receive), sent)
        except RefusedError as refused:
            await _answer(sent, refused)
        finally:
            route = scope["path"] if scope["path"] in self._routes else OTHER
            seconds = time.perf_counter() - begun
            self._told(route, status, seconds)
            method = scope["method"] if scope["method"].isalpha() else OTHER
            log.info("%s %s %d %.1f ms", method[:10], route, status, seconds * 1000)

    def _admit(self, scope: Any) -> None:
        headers = dict(scope["headers"])
        if self._key and scope["path"] not in OPEN:
            given = headers.get(b"x-api-key") or headers.get(b"authorization", b"")
            if given[:7].lower() == b"bearer ":
                given = given[7:]
            if not hmac.compare_digest(given, self._key):
                raise RefusedError(401, "expected the key of this service in the header X-API-Key")
        told = headers.get(b"content-length", b"0")
        if not told.isdigit() or len(told) > 18:
            raise RefusedError(400, "Content-Length: expected a number")
        if int(told) > self._limit(scope):
            raise _too_large(self._limit(scope))

    def _limit(self, scope: Any) -> int:
        settings = self._settings
        return (settings.batch_mib if scope["path"] == MANY else settings.body_mib) * MIB

    def _counted(self, scope: Any, receive: Any) -> Any:
        """`receive` that refuses a body which is too large, or takes too long to come."""
        limit, size, whole = self._limit(scope), 0, False
        until = time.monotonic() + self._settings.timeout_s

        async def counted() -> Any:
            nonlocal size, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout(max(until - time.monotonic(), 0)):
                    message = await receive()
            except TimeoutError:
                raise RefusedError(408, "the body did not come in time") from None
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if size > limit:
                    raise _too_large(limit)
            return message

        return counted


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, f"expected a body of at most {limit // MIB} MiB")


async def _answer(send: Any, refused: RefusedError) -> None:
    body = json.dumps({"error": refused.message}).encode()
    headers = {"content-type": "application/json", **refused.headers}
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
