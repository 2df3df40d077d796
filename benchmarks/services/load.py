"""Load by Locust, in an environment of its own: its packages would get in the way of others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = "locust==2.47.0"
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
PATIENCE = "180"  # seconds for what is still asked when the time is over


@dataclass(frozen=True)
class Load:
    """What a load met. statuses: how many requests of each; milliseconds of those answered by 200;
    per_second: of these, from the first request to the last answer.
    """

    connections: int
    statuses: dict[int, int]
    per_second: float
    milliseconds: tuple[float, float, float]  # p50, p95, p99

    def as_json(self) -> dict[str, Any]:
        """For a results file."""
        p50, p95, p99 = (round(one, 1) for one in self.milliseconds)
        return {
            "statuses": {str(key): n for key, n in sorted(self.statuses.items())},
            "per_second": round(self.per_second, 1),
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
        }


def environment(cache: Path) -> Path:
    """Locust's command, installed the first time."""
    folder = cache / "locust"
    command = folder / "bin/locust"
    if not command.exists():
        print(f"installing {PACKAGE} into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", PACKAGE]
        subprocess.run(pip, check=True)
    return command


def loaded(
    url: str, case: dict[str, Any], *, connections: int, seconds: float, cache: Path
) -> Load:
    """Ask `url` for `case` over so many connections at once, for so many seconds."""
    locust = environment(cache)
    (cache / "case.json").write_text(json.dumps(case))
    told = cache / "told.json"
    told.unlink(missing_ok=True)
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [
            *(str(locust), "--headless", "--only-summary", "--locustfile", str(LOCUSTFILE)),
            *("--host", url, "--users", str(connections), "--spawn-rate", str(connections)),
            *("--run-time", f"{seconds:g}s", "--stop-timeout", PATIENCE),
        ],
        env=kept | {"LOAD_CASE": str(cache / "case.json"), "LOAD_TOLD": str(told)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not told.exists():
        sys.exit(f"{done.stdout[-4000:]}\nerror: the load failed")
    return _summed(json.loads(told.read_text()), connections)


def _summed(told: list[tuple[float, float, int]], connections: int) -> Load:
    ended, took, status = (np.array(one) for one in zip(*told, strict=True))
    statuses = dict(Counter(int(one) for one in status))
    answered = status == 200
    if not answered.any():
        sys.exit(f"error: nothing was answered, statuses {statuses}")
    p50, p95, p99 = np.percentile(took[answered] * 1000, [50, 95, 99])
    per_second = answered.sum() / (ended.max() - (ended - took).min())
    return Load(connections, statuses, float(per_second), (p50, p95, p99))
