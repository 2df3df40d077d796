"""A process of its own for each measured command: seconds, processor time, peak memory."""

from __future__ import annotations

import os
import signal
import subprocess
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


class CommandFailed(SystemExit):
    """The command was stopped or failed: what it had used until then, and the reason."""

    def __init__(self, output: str, reason: str, used: Measured) -> None:
        super().__init__(f"{output[-4000:]}\nerror: {reason}")
        self.reason = reason
        self.used = used


def measured(
    command: Sequence[str | Path], env: Mapping[str, str] | None = None, *, limit: float = 7200
) -> Measured:
    """Run `command`; its peak is the largest sum of resident memory of it and its descendants.

    Memory is looked at every 20 ms; pages that processes share count for each of them. Processor
    time is that of all descendants that were waited for. CommandFailed, which ends a program that
    does not catch it, where the command fails or takes longer than `limit` seconds.
    """
    start, before = time.perf_counter(), os.times()
    process = subprocess.Popen(
        [str(part) for part in command],
        env=None if env is None else dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that its workers can be stopped with it
    )
    peak, done = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, done))
    watcher.start()
    reason = ""
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _stop(process)
        output, _ = process.communicate()
        reason = f"stopped after {limit:.0f} s"
    except BaseException:
        _stop(process)
        raise
    finally:
        done.set()
    seconds, after = time.perf_counter() - start, os.times()
    watcher.join()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    lines = [line for line in output.splitlines() if line.startswith("counted ")]
    told = lines[-1].removeprefix("counted ") if lines else ""
    used = Measured(seconds, cpu, peak[0], told)
    if process.returncode and not reason:
        reason = f"failed with exit status {process.returncode}"
    if reason:
        raise CommandFailed(output, reason, used)
    return used


def _stop(process: subprocess.Popen[str]) -> None:
    """Kill a process and all of its session."""
    os.killpg(process.pid, signal.SIGKILL)


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
