"""Check one table's file while it is hashed, and write the empty one of a table a source lacks."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from fusehr.core.disk import naming
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import CHUNK
from fusehr.core.mimic_files import FileEntry
from fusehr.core.mimic_layout import PROVENANCE, MimicTable

LARGE = 64 << 20  # bytes; a smaller file is read in less than a second, a bar would only flicker
LONGEST_HEADER = 1 << 16  # bytes; the longest header of MIMIC-IV has 410


def check(path: Path, table: MimicTable, shown: str | None = None) -> FileEntry:
    """Size and SHA-256 of a table's file, once it proved whole: one pass over its bytes.

    The gzip stream is unpacked to its end, as a download or copy that broke off shows only there,
    and the header must have the table's columns. Of a file that does not end in .gz the header
    alone is looked at. Rows are neither kept nor printed. `shown` is the file's name in messages.

    Raises InputError naming the file where it is missing, no gzip, truncated, damaged, without
    content, or lacks a column.
    """
    name = shown or str(path)
    if not path.is_file():
        raise InputError(f"{name}: expected the table {table.key}, found no file")
    digest, text = hashlib.sha256(), _GzipText(name) if path.suffix == ".gz" else _PlainText()
    size = path.stat().st_size
    bar = tqdm(
        total=size,
        desc=table.key,
        unit="B",
        unit_scale=True,
        disable=None if size > LARGE else True,
    )
    with path.open("rb") as file, bar:
        while block := file.read(CHUNK):
            digest.update(block)
            text.feed(block)
            bar.update(len(block))
    _check_header(name, table, text.header())
    return FileEntry(table.file, size, digest.hexdigest())


def write_empty(path: Path, table: MimicTable) -> None:
    """The table with its header and no row; no file name or time in the gzip, so bytes repeat."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path), packed(path) as out:
        out.write(",".join(table.columns) + "\n")


@contextmanager
def packed(path: Path) -> Iterator[TextIO]:
    """Text that is written to `path` packed, with no file name or time in the gzip."""
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as out,
        io.TextIOWrapper(out, encoding="utf-8", newline="") as text,
    ):
        yield text


def _check_header(name: str, table: MimicTable, line: str) -> None:
    header = next(csv.reader([line]), [])
    missing = table.missing_columns(header)
    if not missing:
        return
    # A first line without any of the names is no header but a row, which a message must not carry.
    any_known = len(missing) < len(table.columns) - len(PROVENANCE.intersection(table.columns))
    found = ", ".join(header) if any_known else "a first line with none of the table's columns"
    raise InputError(f"{name}: column {', '.join(missing)}: expected in the header, found {found}")


class _GzipText:
    """Unpacks a gzip file block by block, keeps its first line, and knows whether it ended."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._start = b""
        self._member = zlib.decompressobj(wbits=31)
        self._ended = False

    def feed(self, block: bytes) -> None:
        while block:
            if self._ended:  # gzip files may hold several members, and zeros after the last
                block = block.lstrip(b"\0")
                if not block:
                    return
                self._member, self._ended = zlib.decompressobj(wbits=31), False
            try:
                text = self._member.decompress(block, CHUNK)
            except zlib.error as error:
                raise InputError(f"{self.name}: expected a gzip file, found {error}") from None
            if len(self._start) < LONGEST_HEADER:
                self._start += text[:LONGEST_HEADER]
            self._ended = self._member.eof
            block = self._member.unused_data if self._ended else self._member.unconsumed_tail

    def header(self) -> str:
        """The first line; InputError where the stream broke off before its end."""
        while not self._ended and (text := self._member.decompress(b"", CHUNK)):
            self._start += text[:LONGEST_HEADER]
            self._ended = self._member.eof
        if not self._ended:
            raise InputError(f"{self.name}: expected a whole gzip file, found it truncated")
        return _first_line(self._start)


class _PlainText:
    """Keeps the first line of a file that is not packed."""

    def __init__(self) -> None:
        self._start = b""

    def feed(self, block: bytes) -> None:
        if len(self._start) < LONGEST_HEADER:
            self._start += block[:LONGEST_HEADER]

    def header(self) -> str:
        return _first_line(self._start)


def _first_line(start: bytes) -> str:
    return start.decode("utf-8-sig", errors="replace").partition("\n")[0].rstrip("\r")
