"""A chat endpoint on this host that answers as a test says, and can misbehave."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Reply = Callable[[str], str]  # the user's message to the model's


class ChatServer:
    """Speaks /v1/chat/completions; `faults` are used up one a request, first come.

    A fault is a status, `slow`, `drop` (connection closed), or a body to send in place of JSON.
    """

    def __init__(self, reply: Reply) -> None:
        self.reply, self.faults = reply, []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}"

    def close(self) -> None:
        """End it; nothing listens at `url` any more."""
        self.httpd.shutdown()
        self.httpd.server_close()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        with self._lock:
            self.asked.append(body)
            self.keys.append(request.headers.get("Authorization"))
            fault = self.faults.pop(0) if self.faults else None
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self._send(request, body, fault)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up
        finally:
            with self._lock:
                self.at_once -= 1

    def _send(self, request: Any, body: dict[str, Any], fault: int | str | None) -> None:
        if request.path != "/v1/chat/completions":
            request.send_error(404)
            return
        if isinstance(fault, int):
            request.send_error(fault)
            return
        if fault == "drop":
            request.close_connection = True
            return
        if fault == "slow":
            time.sleep(1.0)
        told = self.reply(body["messages"][-1]["content"])
        message = {"role": "assistant", "content": told}
        content = json.dumps({"choices": [{"index": 0, "message": message}]})
        if isinstance(fault, str) and fault != "slow":
            content = fault
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content.encode())))
        request.end_headers()
        request.wfile.write(content.encode())


@contextmanager
def chat_servers() -> Iterator[Callable[[Reply], ChatServer]]:
    """Begins servers; all of them end with the block."""
    begun: list[ChatServer] = []

    def begin(reply: Reply) -> ChatServer:
        begun.append(ChatServer(reply))
        return begun[-1]

    try:
        yield begin
    finally:
        for server in begun:
            server.close()
