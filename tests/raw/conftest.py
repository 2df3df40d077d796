"""Small files in MIMIC's layout, and a web server that can misbehave."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fusehr.core.mimic_layout import TABLES, MimicTable


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees this host's data folders, cache or DVC settings."""
    for name in ("FUSEHR_MIRROR", "FUSEHR_MIMIC4"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "cache"))
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "dvc-settings"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def table_bytes(table: MimicTable, rows: int = 2) -> bytes:
    """The table with its header and `rows` rows, packed."""
    lines = [",".join(table.columns)]
    lines += [",".join(f"{number}" for _ in table.columns) for number in range(rows)]
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)


def write_mimic(root: Path, *parts: str) -> None:
    """Every table of `parts` below `root`, two rows each, in the flat layout."""
    for table in TABLES:
        if table.part in parts:
            path = root / table.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(table_bytes(table))


@pytest.fixture
def make_mimic() -> Callable[..., None]:
    return write_mimic


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
