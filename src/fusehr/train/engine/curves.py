"""Training curves: shown live by DVCLive while a recipe trains, kept as curves.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fusehr.train.engine.contract import Epoch

if TYPE_CHECKING:
    from dvclive.live import Live

HEADER = ("task", "round", "seed", "epoch", "train_loss", "val_metric")


@dataclass(frozen=True)
class Point:
    """An epoch of one fit of a task."""

    task: str
    round_name: str
    seed: int
    epoch: Epoch


class Curves:
    """Collects the epochs of every fit, and shows them in the folder `live` meanwhile.

    DVCLive is loaded at the first epoch, as most recipes have none. What it writes is for whoever
    watches, and no output of the stage.
    """

    def __init__(self, live: Path) -> None:
        self._folder = live
        self._points: list[Point] = []
        self._live: Live | None = None

    def add(self, point: Point) -> None:
        """Called after each epoch of each fit, of several fits by turns."""
        if not self._points:
            self._live = _open_live(self._folder)
        self._points.append(point)
        if self._live is not None:
            self._live.step = point.epoch.epoch
            for name in ("train_loss", "val_metric"):
                value = getattr(point.epoch, name)
                self._live.log_metric(f"{point.task}/{point.round_name}/{point.seed}/{name}", value)

    def write(self, path: Path) -> None:
        """Write all epochs as CSV, fit by fit; the header alone where the recipe has none."""
        if self._live is not None:
            self._live.end()
        rows = sorted(
            (p.task, p.round_name, p.seed, p.epoch.epoch, p.epoch.train_loss, p.epoch.val_metric)
            for p in self._points
        )
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows((*row[:4], f"{row[4]:.6f}", f"{row[5]:.6f}") for row in rows)


def _open_live(folder: Path) -> Live | None:
    from dvclive.live import Live
    from scmrepo.exceptions import SCMError

    try:
        return Live(str(folder), dvcyaml=None, report=None, save_dvc_exp=False)
    except SCMError:  # a repository without a commit has no revision that DVCLive could name
        return None
