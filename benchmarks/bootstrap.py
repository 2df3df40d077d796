"""The whole of evaluate: how long it takes, and how long a plain loop over the draws would.

    python benchmarks/bootstrap.py
    python benchmarks/bootstrap.py --loop-draws 5

Every recipe below data/train is scored (all metrics, tasks, variants and seeds, the draws that
params.yaml asks for), then all are reported: paired tests, tables, pictures. One process, one
thread. Beside it a loop as one would write it: patients drawn, their samples gathered, and
scikit-learn's AUROC, average precision, precision-recall curve and Brier score called for each
class. It is timed over a few draws and multiplied, and does nothing of the calibration, net
benefit, alarms, confusions and pooled metrics that the scoring does.

Seconds are given on the clock and of processor time; other work on the machine lengthens both, the
first much more.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn import metrics as sk
from threadpoolctl import threadpool_limits

from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.report import report
from fusehr.evaluate.scoring.conditions import Condition, conditions
from fusehr.evaluate.scoring.score_recipe import score_recipe


@dataclasses.dataclass
class Seconds:
    """On the clock, and of processor time."""

    clock: float = 0.0
    processor: float = 0.0

    def __str__(self) -> str:
        return f"{self.clock:8.2f} s {self.processor:8.2f} s"

    def add(self, other: Seconds) -> None:
        self.clock += other.clock
        self.processor += other.processor


@contextmanager
def timed() -> Iterator[Seconds]:
    found = Seconds(-time.perf_counter(), -time.process_time())
    yield found
    found.add(Seconds(time.perf_counter(), time.process_time()))


def start_of_stage() -> float:
    """Seconds on the clock to start the stage's process and import what it needs; best of three."""
    code = "import fusehr.evaluate.scoring.score_recipe"
    found = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        found.append(time.perf_counter() - begin)
    return min(found)


def plain_loop(condition: Condition, *, draws: int, seed: int) -> None:
    """Board metrics of each class and seed under `draws` resamples of whole patients."""
    test = condition.test
    patients = np.unique(test.patients)
    members = {patient: np.flatnonzero(test.patients == patient) for patient in patients}
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        picked = patients[generator.integers(0, len(patients), len(patients))]
        rows = np.concatenate([members[patient] for patient in picked])
        for p in test.probabilities:
            for k in range(len(condition.classes)):
                y, own = test.labels[rows, k], p[rows, k]
                if y.min() == y.max():
                    continue
                sk.roc_auc_score(y, own)
                sk.average_precision_score(y, own)
                precision, recall, _ = sk.precision_recall_curve(y, own)
                np.minimum(precision, recall).max()
                sk.brier_score_loss(y, own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trained", type=Path, default=Path("data/train"))
    parser.add_argument("--loop-draws", type=int, default=2)
    arguments = parser.parse_args()
    tree = read_yaml(Path("params.yaml"))
    params = validate(lookup(tree, "evaluate"), EvaluateParams, "evaluate")
    step_hours = validate(
        lookup(tree, "tables.deterioration.step_hours"), int, "tables.deterioration.step_hours"
    )
    files = {name: arguments.trained / name / "predictions.parquet" for name in tree["recipes"]}
    recipes = tuple(name for name, file in files.items() if file.exists())
    known = {name: other for name, other in params.unimodal.items() if {name, other} <= {*recipes}}
    params = dataclasses.replace(params, unimodal=known)

    print(f"start of the stage's process: {start_of_stage():.2f} s, once a recipe")
    print(f"{'':16}{'clock':>10} {'processor':>10}   conditions (of which nothing withheld), seeds")
    total, loop = Seconds(), Seconds()
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        root = Path(folder)
        (root / "data").mkdir()
        (root / "data/train").symlink_to(arguments.trained.resolve())
        for name in recipes:
            with timed() as own:
                score_recipe(
                    root / "data/train" / name,
                    root / "data/evaluate" / name,
                    params,
                    step_hours=step_hours,
                )
            total.add(own)
            found = list(conditions(read_parquet(files[name], PREDICTIONS), source=name))
            whole = sum(condition.whole for condition in found)
            seeds = len(found[0].seeds) if found else 0
            print(f"{name:16}{own}   {len(found)} ({whole}), {seeds}")
            with timed() as own, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for condition in found:
                    plain_loop(condition, draws=arguments.loop_draws, seed=params.seed)
            loop.add(own)
        with timed() as own:
            report(root, recipes, params, restricted=False)
        total.add(own)
    print(f"{'report':16}{own}")
    print(f"{'all':16}{total}   {len(recipes)} recipes, {params.bootstrap_draws} draws")
    times = params.bootstrap_draws / arguments.loop_draws
    print(
        f"plain loop, board metrics only: {loop.processor * times:,.0f} s of processor time, "
        f"{loop.processor * times / total.processor:,.0f} times as long "
        f"({loop.processor:.1f} s for {arguments.loop_draws} draws, times {times:,.0f})"
    )


if __name__ == "__main__":
    main()
