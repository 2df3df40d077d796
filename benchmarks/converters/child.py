"""A process of its own for each measured command: seconds, processor time, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
STEP = 0.02  # seconds between two looks at the memory


@dataclass(frozen=True)
class Measured:
    """One run: wall seconds, processor seconds, and the peak of all its processes together."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    told: str

    def as_json(self) -> dict[str, Any]:
        """For a results file."""
        return {k: round(v, 2) if isinstance(v, float) else v for k, v in asdict(self).items()}


def measured(
    command: Sequence[str | Path], env: Mapping[str, str] | None = None, *, limit: float = 7200
) -> Measured:
    """Run `command`; its peak is the largest sum of resident memory of it and its descendants.

    Memory is looked at every 20 ms, and the kernel's own peak of the largest single process counts
    where it is higher. Ends with the command's output where it fails.
    """
    start, before = time.perf_counter(), os.times()
    process = subprocess.Popen(
        [str(part) for part in command],
        env=None if env is None else dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak, done = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, done))
    watcher.start()
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        output += f"\nstopped after {limit:.0f} s"
    seconds, after = time.perf_counter() - start, os.times()
    done.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{output[-4000:]}\nerror: {' '.join(map(str, command))} failed")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    lines = [line for line in output.splitlines() if line.startswith("counted ")]
    return Measured(seconds, cpu, peak[0], lines[-1].removeprefix("counted ") if lines else "")


def _watch(root: int, peak: list[float], done: threading.Event) -> None:
    while not done.is_set():
        peak[0] = max(peak[0], _resident(root) / 2**20)
        done.wait(STEP)


def _resident(root: int) -> int:
    """Bytes of a process and all below it."""
    total, left = 0, [root]
    while left:
        pid = left.pop()
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
            for task in Path(f"/proc/{pid}/task").iterdir():
                left += map(int, (task / "children").read_text().split())
        except (OSError, ValueError, IndexError):
            continue  # ended meanwhile
    return total
