"""Training curves: shown live by DVCLive while a recipe trains, kept as curves.csv."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fusehr.train.engine.contract import Epoch

if TYPE_CHECKING:
    from dvclive.live import Live

HEADER = ("task", "round", "seed", "epoch", "train_loss", "val_metric")


class Curves:
    """Collects the epochs of every fit, and shows them in the folder `live` meanwhile.

    DVCLive is loaded at the first epoch, as most recipes have none. What it writes is for whoever
    watches, and no output of the stage.
    """

    def __init__(self, live: Path) -> None:
        self._folder = live
        self._rows: list[tuple[str | int | float, ...]] = []
        self._live: Live | None = None

    def log(self, task: str, round_name: str, seed: int) -> Callable[[Epoch], None]:
        """What one fit calls after each of its epochs."""

        def log(epoch: Epoch) -> None:
            if not self._rows:
                self._live = _open_live(self._folder)
            self._rows.append(
                (task, round_name, seed, epoch.epoch, epoch.train_loss, epoch.val_metric)
            )
            if self._live is not None:
                self._live.step = epoch.epoch
                for name in ("train_loss", "val_metric"):
                    value = getattr(epoch, name)
                    self._live.log_metric(f"{task}/{round_name}/{seed}/{name}", value)

        return log

    def write(self, path: Path) -> None:
        """Write all epochs as CSV; the header alone where the recipe has none."""
        if self._live is not None:
            self._live.end()
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows((*row[:4], f"{row[4]:.6f}", f"{row[5]:.6f}") for row in self._rows)


def _open_live(folder: Path) -> Live | None:
    from dvclive.live import Live
    from scmrepo.exceptions import SCMError

    try:
        return Live(str(folder), dvcyaml=None, report=None, save_dvc_exp=False)
    except SCMError:  # a repository without a commit has no revision that DVCLive could name
        return None
