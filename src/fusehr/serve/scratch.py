"""A folder for the tables of a batch: in memory where the system has such a file system, and gone
when the batch is done. What a killed process left behind is removed by the next one that starts.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
PREFIX = "fusehr-serve"


def scratch_place() -> Path:
    """Where scratch folders lie."""
    if IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK | os.X_OK):
        return IN_MEMORY
    return Path(tempfile.gettempdir())


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder that its owner alone may read."""
    place = scratch_place()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-{os.getpid()}-", dir=place) as folder:
        yield Path(folder)


def remove_left_behind() -> int:
    """Remove folders of processes that are no more; how many there were."""
    count = 0
    for folder in scratch_place().glob(f"{PREFIX}-*"):
        match = re.fullmatch(rf"{PREFIX}-(\d+)-\w+", folder.name)
        if match and folder.stat().st_uid == os.getuid() and not _runs(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)
            count += 1
    return count


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
