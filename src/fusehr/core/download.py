"""Download a file over HTTP so that a broken connection costs no byte that had arrived."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from filelock import FileLock
from requests import Response
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from fusehr.core.disk import naming
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import CHUNK

ATTEMPTS = 6  # without getting further; waits of 1, 2, 4, 8, 16 s pass over a server's restart
PAUSE = 1.0  # seconds before the second attempt, doubled for each further one
TIMEOUT = (10, 60)  # seconds to connect, and between two blocks
TRY_AGAIN = frozenset({408, 425, 429})  # and every 5xx: faults of the moment (RFC 9110, 6585)


class _Interrupted(Exception):
    """An attempt ended early for a reason that may pass."""


def fetch(url: str, target: Path) -> None:
    """Bring `url` to `target`, unless it is there; what a broken attempt got is kept and resumed.

    Bytes gather in `<target>.part`. A server that does not know ranges sends all again. A part that
    is longer than the file cannot belong to it and is thrown away. Two processes that want the same
    file take turns.

    Raises InputError naming the URL on an answer that will not change (404, 403), or after
    `ATTEMPTS` attempts that got no further; OSError naming the file where it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    with FileLock(f"{target}.lock"):
        if target.exists():
            return
        furthest, failures = _size(partial), 0
        while True:
            try:
                _attempt(url, partial)
                break
            except _Interrupted as problem:
                failures = 1 if _size(partial) > furthest else failures + 1
                furthest = max(furthest, _size(partial))
                if failures >= ATTEMPTS:
                    raise InputError(
                        f"{url}: expected the whole file, found {problem} ({failures} attempts); "
                        f"{_size(partial)} bytes are kept, run again to resume"
                    ) from None
                time.sleep(PAUSE * 2 ** (failures - 1))
        partial.replace(target)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _attempt(url: str, partial: Path) -> None:
    """One request for what `partial` lacks; returns when it is whole, else _Interrupted."""
    start = _size(partial)
    # `identity`: a server must not pack the file once more, ranges count the file's own bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _Interrupted(type(error).__name__) from None
    except requests.RequestException as error:
        raise InputError(f"{url}: expected an address to download, found {error}") from None
    with response:
        status = response.status_code
        if status == 416:
            if _total(response) == start:
                return
            partial.unlink()
            raise _Interrupted(f"{start} bytes kept where the file has {_total(response)}")
        if status >= 500 or status in TRY_AGAIN:
            raise _Interrupted(f"HTTP {status}")
        if status not in (200, 206):
            raise InputError(f"{url}: expected the file, found HTTP {status}")
        if status == 206 and _first_byte(response) != start:
            partial.unlink()
            raise _Interrupted("a range that was not asked for")
        begin = start if status == 206 else 0
        length = response.headers.get("Content-Length")
        total = begin + int(length) if length is not None else None
        _append(response, partial, begin, total)


def _append(response: Response, partial: Path, begin: int, total: int | None) -> None:
    bar = tqdm(
        total=total,
        initial=begin,
        desc=partial.name.removesuffix(".part"),
        unit="B",
        unit_scale=True,
        disable=None,  # no bar where the output is no terminal
    )
    with naming(partial), partial.open("ab" if begin else "wb") as file, bar:
        for block in _blocks(response):
            file.write(block)
            bar.update(len(block))


def _blocks(response: Response) -> Iterator[bytes]:
    """The body as it arrives; a body shorter than its Content-Length ends in _Interrupted.

    `read1` hands on what came before a break, `read` would drop it.
    """
    while True:
        try:
            block = response.raw.read1(CHUNK, decode_content=False)
        except (HTTPError, ConnectionError, TimeoutError) as error:
            raise _Interrupted(type(error).__name__) from None
        if not block:
            return
        yield block


def _total(response: Response) -> int | None:
    match = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _first_byte(response: Response) -> int | None:
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else None
