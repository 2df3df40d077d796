"""What every test may use: a hospital in MIMIC's layout, a web server that can
misbehave, and the real data where it is at hand."""

from __future__ import annotations

import gzip
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from fusehr.core.chat import client
from fusehr.core.mimic_files import Manifest
from fusehr.core.mimic_layout import TABLES
from fusehr.raw import manifest

from .chat_server import ChatServer, Reply, chat_servers

REPOSITORY = Path(__file__).parents[1]
MIRROR = os.environ.get("FUSEHR_MIRROR")

# Tests are never timed, and the same examples are drawn on every run.
settings.register_profile("fusehr", deadline=None, derandomize=True)
settings.load_profile("fusehr")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `real` skip where FUSEHR_MIRROR names no folder; the longest tests begin.

    Those of the whole pipeline share one run of it; standing first, they begin in one worker, and
    the others are done beside it.
    """
    items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)
    if MIRROR and Path(MIRROR).is_dir():
        return
    reason = "FUSEHR_MIRROR names no folder with mimic-iv-demo/2.2 in it"
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder of the real data; only for tests marked `real`."""
    assert MIRROR
    return Path(MIRROR)


def write_hospital(raw: Path, tables: dict[str, str]) -> None:
    """`tables` (name such as hosp/patients: CSV text) packed into `raw`, the rest empty, listed."""
    for table in TABLES:
        path = raw / table.file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = tables.get(table.key, ",".join(table.columns) + "\n")
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    manifest.write(raw, Manifest("synthetic", False, tuple(manifest.complete(raw))))


@pytest.fixture(scope="session")
def make_hospital() -> Callable[[Path, dict[str, str]], None]:
    """write_hospital, for tests that make a hospital of their own."""
    return write_hospital


class Web:
    """A real HTTP server on this host; `faults[path]` are used up one a request, first come."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.wrong_ranges = 0  # answers that start at the first byte whatever was asked for
        self.faults: dict[str, list[int]] = {}
        self.asked: list[tuple[str, str | None]] = []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """A fault of 400 to 599 is that status; another breaks off after so many bytes."""
        name, asked = request.path.lstrip("/"), request.headers.get("Range")
        self.asked.append((name, asked))
        queue = self.faults.get(name, [])
        fault = queue.pop(0) if queue else None
        if fault is not None and 400 <= fault < 600:
            request.send_error(fault)
            return
        if name not in self.files:
            request.send_error(404)
            return
        body, start = self.files[name], 0
        if asked and self.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if self.wrong_ranges:
                self.wrong_ranges, start = self.wrong_ranges - 1, 0
            if start >= len(body):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(body)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        request.wfile.write(body[start:] if fault is None else body[start : start + fault])


@pytest.fixture
def web() -> Iterator[Web]:
    served = Web()
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def chat_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of answers of its own, no pause between attempts, no key and no proxy."""
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(client, "PAUSE_S", 0.0)
    for name in ("FUSEHR_CHAT_KEY", "OPENAI_API_KEY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[[Reply], ChatServer]]:
    """Begins a chat model behind a server that answers by a function."""
    with chat_servers() as begin:
        yield begin
