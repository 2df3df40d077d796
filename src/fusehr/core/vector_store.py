"""Vectors of texts by content, so that a text is embedded once, whatever run asks for it.

One SQLite file per encoder (its fingerprint and dimension), a row per text: SHA-256 of the text,
whether the text was cut, the vector and a checksum over all of them. Rows are only ever added. A
row whose checksum does not hold counts as absent and is written anew; a file that SQLite itself
finds damaged is removed and begun afresh, since nothing in it cannot be computed again.

SQLite's write-ahead log makes a killed writer's batch disappear whole, and lets readers and one
writer work at once; a second writer waits. The log needs shared memory, which network file systems
lack: FUSEHR_CACHE should name a local disk.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.stage import say

FORMAT = 1  # raised when the layout of a row changes
WAIT_S = 120.0  # how long a writer waits for another's batch
ASKED = 500  # keys in one query; SQLite allows 999 in its older builds


@dataclass(frozen=True)
class Found:
    """What the store holds of n asked texts.

    known: bool (n,); vectors: float32 (n, dimension), zero where not known; truncated: int8 (n,),
    1 where the text was longer than the encoder reads, -1 where the encoder does not tell.
    """

    known: np.ndarray
    vectors: np.ndarray
    truncated: np.ndarray


class VectorStore:
    """The vectors of one encoder: `fingerprint` names whatever can change their bits.

    folder: where the files lie (`cache_folder("vectors")`). Raises InputError, naming the file,
    where it cannot be written or stays locked by another process.
    """

    def __init__(self, folder: Path, fingerprint: str, dimension: int) -> None:
        self.path = folder / f"{fingerprint}-{dimension}.v{FORMAT}.sqlite"
        self._dimension = dimension
        self._lock = FileLock(str(self.path) + ".lock", timeout=WAIT_S)
        with self._in_words():
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, keys: Sequence[bytes]) -> Found:
        """Vectors of the texts whose SHA-256 digests are `keys` (32 bytes each), in their order."""
        found = Found(
            known=np.zeros(len(keys), dtype=bool),
            vectors=np.zeros((len(keys), self._dimension), dtype=np.float32),
            truncated=np.full(len(keys), -1, dtype=np.int8),
        )
        places = {key: place for place, key in enumerate(keys)}
        with self._in_words():
            try:
                self._read(list(places), places, found)
            except sqlite3.DatabaseError as error:
                self._begin_anew(error)
        for place, key in enumerate(keys):  # the same text asked for twice
            first = places[key]
            if first != place and found.known[first]:
                found.known[place] = True
                found.vectors[place] = found.vectors[first]
                found.truncated[place] = found.truncated[first]
        return found

    def put(self, keys: Sequence[bytes], vectors: np.ndarray, truncated: np.ndarray) -> None:
        """Add vectors (n, dimension) float32 with int8 `truncated` (n,) in one transaction."""
        if vectors.shape != (len(keys), self._dimension) or vectors.dtype != np.float32:
            raise ValueError(f"expected float32 ({len(keys)}, {self._dimension})")
        rows = [
            (key, int(cut), row.tobytes(), _checksum(key, int(cut), row.tobytes()))
            for key, cut, row in zip(keys, truncated, vectors, strict=True)
        ]
        with self._in_words():
            try:
                self._write(rows)
            except sqlite3.DatabaseError as error:
                self._begin_anew(error)
                self._write(rows)

    def _read(self, keys: list[bytes], places: dict[bytes, int], found: Found) -> None:
        size = self._dimension * 4
        for start in range(0, len(keys), ASKED):
            part = keys[start : start + ASKED]
            marks = ",".join("?" * len(part))
            query = f"SELECT key, truncated, vector, checksum FROM vectors WHERE key IN ({marks})"
            for key, cut, vector, checksum in self._connection.execute(query, part):
                if len(vector) == size and checksum == _checksum(key, cut, vector):
                    place = places[key]
                    found.known[place] = True
                    found.vectors[place] = np.frombuffer(vector, dtype=np.float32)
                    found.truncated[place] = cut

    def _write(self, rows: list[tuple[bytes, int, bytes, int]]) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            # a row that is there and sound is what this encoder gives, so that replacing it by
            # the same bytes mends a damaged one and harms none
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def _open(self) -> sqlite3.Connection:
        # creating the file and turning the log on is not safe against another process doing so
        with self._lock:
            try:
                return self._connect()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._remove(error)
                return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # a crash of the machine may lose the last batches, never tear one
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, truncated INTEGER, "
                "vector BLOB, checksum INTEGER) WITHOUT ROWID"
            )
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def _begin_anew(self, error: sqlite3.DatabaseError) -> None:
        """Replace a damaged file; what it held counts as absent. Other errors are raised on."""
        if isinstance(error, sqlite3.OperationalError):
            raise error
        self._connection.close()
        with self._lock:
            self._remove(error)
            self._connection = self._connect()

    def _remove(self, error: sqlite3.DatabaseError) -> None:
        say(f"{self.path}: damaged ({error}); removed, its vectors are computed anew")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            raise InputError(
                f"{self.path}: expected a file that can be read and written, found: {error}; "
                "FUSEHR_CACHE may name another folder"
            ) from None


def _checksum(key: bytes, truncated: int, vector: bytes) -> int:
    return zlib.crc32(vector, zlib.crc32(bytes([truncated & 0xFF]), zlib.crc32(key)))
