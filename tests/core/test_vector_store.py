"""The store gives back what was put, or nothing: after kills, damage, and beside another writer."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.vector_store import VectorStore

D = 8


def keys(*numbers: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in numbers]


def vectors(*numbers: int) -> np.ndarray:
    return np.array([np.random.default_rng(n).normal(size=D) for n in numbers], dtype=np.float32)


def put(store: VectorStore, *numbers: int) -> None:
    cut = np.array([n % 3 - 1 for n in numbers], dtype=np.int8)
    store.put(keys(*numbers), vectors(*numbers), cut)


def check(store: VectorStore, *numbers: int) -> None:
    found = store.get(keys(*numbers))
    assert found.known.all()
    assert np.array_equal(found.vectors, vectors(*numbers))
    assert found.truncated.tolist() == [n % 3 - 1 for n in numbers]


def test_what_was_put_is_there_in_the_order_asked(tmp_path: Path) -> None:
    with VectorStore(tmp_path, "encoder", D) as store:
        put(store, *range(1200))
        check(store, 3, 1, 1, 1100)
        assert store.get(keys(5, 9000, 6)).known.tolist() == [True, False, True]
    with VectorStore(tmp_path, "encoder", D) as store:
        check(store, *range(1199, -1, -1))


def test_encoders_and_dimensions_are_apart(tmp_path: Path) -> None:
    with VectorStore(tmp_path, "one", D) as store:
        put(store, 1)
    for fingerprint, dimension in (("two", D), ("one", 2 * D)):
        with VectorStore(tmp_path, fingerprint, dimension) as other:
            assert not other.get(keys(1)).known.any()


def test_wrong_shape_is_refused(tmp_path: Path) -> None:
    with VectorStore(tmp_path, "encoder", D) as store, pytest.raises(ValueError, match="float32"):
        store.put(keys(1), np.zeros((1, D + 1), dtype=np.float32), np.zeros(1, dtype=np.int8))


def start(code: str, folder: Path) -> subprocess.Popen[str]:
    """Another process that runs `code` with a store open in `folder`."""
    lines = [
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})",
        "from pathlib import Path",
        "from test_vector_store import VectorStore, put",
        f"store = VectorStore(Path({str(folder)!r}), 'encoder', {D})",
        code,
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    # ranges overlap, so that both also write the same texts
    code = "for k in range({0}, {0} + 400, 20): put(store, *range(k, k + 20))"
    writers = [start(code.format(first), tmp_path) for first in (0, 200)]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    with VectorStore(tmp_path, "encoder", D) as store:
        check(store, *range(600))


def test_a_killed_writer_leaves_whole_batches(tmp_path: Path) -> None:
    code = "for k in range(0, 10**7, 50): put(store, *range(k, k + 50)); print(k, flush=True)"
    writer = start(code, tmp_path)
    assert writer.stdout
    for _ in range(5):
        last = int(writer.stdout.readline())
    time.sleep(0.02)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    with VectorStore(tmp_path, "encoder", D) as store:
        check(store, *range(last + 50))
        after = store.get(keys(*range(last + 50, last + 5000)))
        assert np.array_equal(
            after.vectors[after.known],
            vectors(*(np.flatnonzero(after.known) + last + 50).tolist()).reshape(-1, D),
        )
        assert after.known.sum() % 50 == 0
        put(store, *range(last + 50, last + 100))
        check(store, *range(last + 100))


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def test_a_flipped_bit_in_a_vector_is_found_and_mended(tmp_path: Path) -> None:
    with VectorStore(tmp_path, "encoder", D) as store:
        put(store, 1, 2, 3)
        path = store.path
    _flip(path, path.read_bytes().index(vectors(2).tobytes()) + 5)
    with VectorStore(tmp_path, "encoder", D) as store:
        assert store.get(keys(1, 2, 3)).known.tolist() == [True, False, True]
        put(store, 2)
        check(store, 1, 2, 3)


@pytest.mark.parametrize("damage", ["header", "page", "cut", "empty"])
def test_a_damaged_file_is_begun_anew(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with VectorStore(tmp_path, "encoder", D) as store:
        put(store, *range(500))
        path = store.path
    content = path.read_bytes()
    if damage == "header":
        path.write_bytes(b"no database, " * 500)
    elif damage == "page":
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2 - 100])
    else:
        path.write_bytes(b"")
    with VectorStore(tmp_path, "encoder", D) as store:
        found = store.get(keys(*range(500)))
        assert np.array_equal(found.vectors[found.known], vectors(*range(500))[found.known]), (
            "a wrong vector was given"
        )
        assert not found.known.all()
        put(store, *range(500))
        check(store, *range(500))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"encoder-8.*FUSEHR_CACHE"):
        VectorStore(tmp_path / "file", "encoder", D)


@pytest.mark.skipif(os.name != "posix", reason="needs a second user")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    with VectorStore(tmp_path, "encoder", D) as store:
        put(store, 1)
        path = store.path
    tmp_path.chmod(0o555)
    path.chmod(0o444)
    child = os.fork()
    if not child:  # the superuser may write anywhere: become somebody else
        code = 1
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            VectorStore(tmp_path, "encoder", D)
        except InputError as error:
            code = 0 if "FUSEHR_CACHE" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    tmp_path.chmod(0o755)


def test_a_hundred_thousand_lookups_take_seconds(tmp_path: Path) -> None:
    with VectorStore(tmp_path, "encoder", D) as store:
        numbers = list(range(100_000))
        made = np.zeros((100_000, D), dtype=np.float32)
        store.put(keys(*numbers), made, np.zeros(100_000, dtype=np.int8))
        asked = keys(*numbers)
        started = time.process_time()
        assert store.get(asked).known.all()
        assert time.process_time() - started < 5


def test_rows_are_never_removed(tmp_path: Path) -> None:
    with VectorStore(tmp_path, "encoder", D) as store:
        put(store, 1, 2)
        put(store, 2, 3)
        rows = sqlite3.connect(store.path).execute("SELECT count(*) FROM vectors").fetchone()
    assert rows == (3,)
