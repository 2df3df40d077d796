"""What DVC adds to an experiment: `dvc exp run` against the same commands without it.

    python benchmarks/experiment.py [-S path=value]

In a clean clone of HEAD, whose outputs come from the cache, an experiment is run; then, in a second
such clone with the same parameters, the very commands that it ran, one after another. Printed are
the seconds of each command without DVC, of both ways, and what DVC adds as a share. The clones are
removed, and nothing is written.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from fusehr.clone import clean_clone, dvc

ROOT = Path(__file__).parents[1]
RAN = re.compile(r"Running stage '([^']+)':\n> (.+)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-S", dest="change", default="recipes.emerge.hidden_share=0.11")
    change = parser.parse_args().change
    with clean_clone(ROOT) as one, clean_clone(ROOT) as other:
        for clone in (one, other):
            dvc(clone, "cache", "dir", "--local", str((ROOT / ".dvc" / "cache").resolve()))
            dvc(clone, "checkout", "--quiet")
        seconds, output = timed(one, [sys.executable, "-m", "dvc", "exp", "run", "-S", change])
        ran = RAN.findall(output)
        if not ran:
            sys.exit(f"error: -S {change}: expected an experiment that runs a stage, found none")
        params = (one / "params.yaml").read_text()
        (other / "params.yaml").write_text(params)
        bare = 0.0
        for stage, command in ran:
            own, _ = timed(other, [sys.executable, *shlex.split(command)[1:]])
            bare += own
            print(f"{stage:28}{own:8.1f} s")
    print(f"{'these commands':28}{bare:8.1f} s")
    print(f"{'dvc exp run':28}{seconds:8.1f} s")
    print(f"{'added by DVC':28}{seconds / bare - 1:8.1%}")


def timed(clone: Path, command: list[str]) -> tuple[float, str]:
    """Seconds and output of `command` in `clone` with its own code; ends where it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    started = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone / "src"), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nerror: {shlex.join(command)} failed")
    return seconds, done.stdout + done.stderr


if __name__ == "__main__":
    main()
