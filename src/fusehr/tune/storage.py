"""A study's journal on disk, which processes share and of which a killed one loses nothing.

Locks are those of the kernel (flock), so that the death of a process, however sudden, frees its
own at once. All processes of a study run on one machine.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

JOURNAL = "journal.log"


class _JournalLock:
    """Lock of the journal, in the form that Optuna asks for; mends what a kill tore."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = kernel_lock(journal.with_suffix(".lock"))

    def acquire(self) -> bool:
        self._lock.acquire()
        _drop_torn_line(self._journal)
        return True

    def release(self) -> None:
        self._lock.release()


def kernel_lock(path: Path) -> FileLock:
    """A lock that ends with its process; OSError where the file system has none."""
    return FileLock(path, fallback_to_soft=False, poll_interval=0.01)


def open_journal(folder: Path) -> JournalStorage:
    """The storage in `folder`, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / JOURNAL
    lock = _JournalLock(journal)
    lock.acquire()
    lock.release()
    return JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))  # type: ignore[arg-type]


def _drop_torn_line(journal: Path) -> None:
    """Cut off a last line that a killed process did not finish; the lock is held."""
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        content_end = file.seek(0, 2)
        if not content_end:
            return
        file.seek(content_end - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def worker(folder: Path) -> Iterator[str]:
    """A name for this process, alive as long as the block runs."""
    name = uuid.uuid4().hex
    path = _life(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with kernel_lock(path):
        yield name
    path.unlink(missing_ok=True)


def alive(folder: Path, name: str) -> bool:
    """Whether the process that `worker` named is still there."""
    path = _life(folder, name)
    if not path.exists():
        return False
    lock = kernel_lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    path.unlink(missing_ok=True)
    return False


def _life(folder: Path, name: str) -> Path:
    return folder / "workers" / f"{name}.lock"
