"""`dvc repro` interrupted at random moments, resumed, and interrupted again.

    python benchmarks/interrupted.py [--minutes 60] [--every 25] [--seed 0] [--disk FOLDER]

The whole pipeline on a small cohort (tests/pipeline/small.yaml) is run once undisturbed in a clean
clone. In further clones, with no output and no cache to begin with, it is then interrupted again
and again, the moments drawn from an exponential distribution of mean --every seconds, by one of:

- power: SIGKILL for DVC and all it started, at once;
- dvc: SIGKILL for DVC alone, whose stage goes on beside the next run;
- largest: SIGKILL for the process with the most memory, as Linux does where memory runs out;
- memory: no process may have more address space than it has, so that it fails on its own;
- disk: the file system is filled to the last byte, until DVC has ended (with --disk alone).

--disk names a folder on a file system of its own, which this script may fill, such as
`mount -t tmpfs -o size=8g tmpfs FOLDER`. After each interruption DVC is run again as a user would:
where a file of its own is damaged (dvc.lock, or its record of who reads and writes what) that file
is removed first, and counted; where the stage of a killed DVC is still at work, it is waited for.
Whenever a run ends well its dvc.lock is compared with the undisturbed one, and a new clone is
begun, until --minutes are over; the last run is left to end.

Written to interrupted.json and interrupted.md beside this script.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from fusehr.clone import clean_clone
from fusehr.core.frame.files import write_json
from fusehr.core.frame.params import read_yaml
from fusehr.overlay import overlay

HERE = Path(__file__).parent
ROOT = HERE.parent
SMALL = ROOT / "tests/pipeline/small.yaml"
RUNNING = re.compile(r"Running stage '([^']+)'")
RECORD = ".dvc/tmp/rwlock"
PATIENCE = 60  # seconds in which DVC ends by itself, once memory or disk are gone


@dataclass
class Found:
    """What was seen: interruptions by kind and by stage, what was done to go on, and the locks."""

    interruptions: Counter[str] = field(default_factory=Counter)
    survivors: bool = False  # whether a stage may have outlived its DVC
    by_stage: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    equal: int = 0
    differing: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=25, help="mean seconds between two")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--disk", type=Path, help="a folder on a file system that may be filled")
    given = parser.parse_args()
    chance, found = random.Random(given.seed), Found()
    kinds = ["power", "dvc", "largest", "memory"] + ["disk"] * (given.disk is not None)
    with small_clone(None) as clone:
        begun = time.monotonic()
        process = started(clone)
        if process.wait():
            sys.exit(f"{told(clone)[-4000:]}\nerror: the undisturbed run failed")
        undisturbed = read_yaml(clone / "dvc.lock")
        alone = time.monotonic() - begun
    print(f"undisturbed: {alone:.0f} s, {len(undisturbed['stages'])} stages", flush=True)
    begun = time.monotonic()
    while (time.monotonic() - begun) / 60 < given.minutes:
        with small_clone(given.disk) as clone:
            while (until := begun + 60 * given.minutes - time.monotonic()) > -7200:
                wait = chance.expovariate(1 / given.every) if until > 0 else None
                if run(clone, wait, chance.choice(kinds), given.disk, found):
                    break
            compare(read_yaml(clone / "dvc.lock"), undisturbed, clone, found)
    minutes = (time.monotonic() - begun) / 60
    result = {
        "minutes": round(minutes, 1),
        "every_s": given.every,
        "seed": given.seed,
        "undisturbed_s": round(alone, 1),
        "stages": len(undisturbed["stages"]),
        "interruptions": dict(sorted(found.interruptions.items())),
        "by_stage": dict(found.by_stage.most_common()),
        "mended": dict(sorted(found.mended.items())),
        "runs_equal": found.equal,
        "differing": found.differing,
        "left_behind": found.left_behind,
    }
    write_json(HERE / "interrupted.json", result)
    (HERE / "interrupted.md").write_text(markdown(result))
    print(markdown(result))
    if found.differing or found.left_behind:
        sys.exit("error: expected every dvc.lock to equal the undisturbed one, nothing left behind")


@contextmanager
def small_clone(disk: Path | None) -> Iterator[Path]:
    """A clean clone with the small cohort's parameters and without outputs; on `disk` if given."""
    usual = tempfile.tempdir
    tempfile.tempdir = None if disk is None else str(disk)
    try:
        with clean_clone(ROOT) as clone:
            (clone / "dvc.lock").unlink()
            changes = yaml.safe_load(SMALL.read_text())
            params = overlay(read_yaml(clone / "params.yaml"), changes, file=SMALL.name)
            (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
            yield clone
    finally:
        tempfile.tempdir = usual


def started(clone: Path) -> subprocess.Popen[bytes]:
    """`dvc repro` in a group of its own, with caches and temporary files inside the clone's folder.

    What it prints is kept in a file beside the clone: a pipe would be closed by a killed reader.
    """
    own = clone.parent
    (own / "tmp").mkdir(exist_ok=True)
    env = os.environ | {
        "PYTHONPATH": str(clone / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "FUSEHR_CACHE": str(own / "cache"),
        "DVC_SITE_CACHE_DIR": str(own / "site"),
        "TMPDIR": str(own / "tmp"),
    }
    with (own / "told.txt").open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=clone,
            env=env,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def told(clone: Path) -> str:
    """What the last run printed."""
    return (clone.parent / "told.txt").read_text(errors="replace")


def run(clone: Path, wait: float | None, kind: str, disk: Path | None, found: Found) -> bool:
    """One run, interrupted after `wait` seconds unless it ends before; whether it ended well."""
    process = started(clone)
    try:
        code = process.wait(wait)
    except subprocess.TimeoutExpired:
        stages = RUNNING.findall(told(clone))
        found.interruptions[kind] += 1
        found.survivors = kind in ("dvc", "largest")
        found.by_stage[stages[-1] if stages else "before any"] += 1
        interrupt(process, kind, disk)
        print(f"{kind:8} after {wait:5.1f} s in {stages[-1:] or 'DVC'}", flush=True)
        return False
    if code == 0:
        return True
    repair(clone, found)
    return False


def interrupt(process: subprocess.Popen[bytes], kind: str, disk: Path | None) -> None:
    """Do `kind` to DVC and what it started, and wait until DVC has ended."""
    dvc = psutil.Process(process.pid)
    if kind == "power":
        os.killpg(process.pid, signal.SIGKILL)
    elif kind == "dvc":
        process.kill()
    elif kind == "largest":
        with suppress(psutil.NoSuchProcess):
            family = [dvc, *dvc.children(recursive=True)]
            max(family, key=resident).kill()
    elif kind == "memory":
        for one in [*dvc.children(recursive=True), dvc]:
            with suppress(psutil.NoSuchProcess):
                size = one.memory_info().vms
                one.rlimit(resource.RLIMIT_AS, (size, size))
    elif disk is not None:
        filled = disk / "filled"
        try:
            fill(filled)
            ended(process)
        finally:
            filled.unlink(missing_ok=True)
    ended(process)


def resident(process: psutil.Process) -> int:
    """Bytes in memory; 0 of one that has ended."""
    with suppress(psutil.NoSuchProcess):
        return process.memory_info().rss
    return 0


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for DVC; the run is killed as a whole where it does not end, such as for a full disk."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
        return
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def fill(path: Path) -> None:
    """Write until no byte is left."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        block = bytes(1 << 20)
        while block:
            try:
                file.write(block)
            except OSError:
                block = block[: len(block) // 2]


def repair(clone: Path, found: Found) -> None:
    """Remove what is damaged, or wait for what is in the way; end where there is no such reason."""
    message = told(clone)
    others = [
        one
        for one in psutil.process_iter(["cwd", "pid"])
        if one.info["cwd"] == str(clone) and one.pid != os.getpid()
    ]
    if others or found.survivors:
        found.mended["waited for the stage of a killed DVC"] += 1
        found.survivors = False
        psutil.wait_procs(others)
    elif not readable(clone / "dvc.lock"):
        found.mended["dvc.lock"] += 1
        (clone / "dvc.lock").unlink()
    elif "RWLock-file" in message:
        found.mended[RECORD] += 1
        (clone / RECORD).unlink()
    else:
        sys.exit(f"{message[-6000:]}\nerror: expected a run that resumes, found one that fails")


def readable(path: Path) -> bool:
    """Whether there is no such file or a whole one."""
    with suppress(FileNotFoundError):
        try:
            return isinstance(yaml.safe_load(path.read_text()), dict)
        except (ValueError, yaml.YAMLError):
            return False
    return True


def compare(lock: Any, undisturbed: Any, clone: Path, found: Found) -> None:
    """Count an equal lock, or name the stages that differ; name partial files left in data/."""
    names = lock["stages"].keys() | undisturbed["stages"].keys()
    differing = sorted(
        name for name in names if lock["stages"].get(name) != undisturbed["stages"].get(name)
    )
    found.equal += not differing
    found.differing += differing
    found.left_behind += sorted(
        str(path.relative_to(clone)) for path in (clone / "data").rglob(".*.partial")
    )
    print(f"ended well: {len(differing)} stages differ", flush=True)


def markdown(result: dict[str, Any]) -> str:
    """What was done and what came of it."""
    total = sum(result["interruptions"].values())
    lines = [
        "# `dvc repro`, interrupted",
        "",
        *(__doc__ or "").strip().splitlines()[4:-2],
        "",
        f"{total} interruptions in {result['minutes']:.0f} minutes "
        f"({result['undisturbed_s']:.0f} s a run, undisturbed; {result['stages']} stages): "
        f"{result['runs_equal']} runs ended with a dvc.lock equal to the undisturbed one, "
        f"{len(result['differing'])} stages differed, "
        f"{len(result['left_behind'])} partial files were left.",
        "",
        "| interruption | times |",
        "|---|---|",
        *(f"| {kind} | {times} |" for kind, times in result["interruptions"].items()),
        "",
        "| done before going on | times |",
        "|---|---|",
        *(f"| {name} | {times} |" for name, times in result["mended"].items()),
        "",
        f"Stages interrupted: {len(result['by_stage'])}.",
        f"Stages that differed: {', '.join(result['differing']) or 'none'}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
