"""Training curves as a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HEADER = ("task", "round", "seed", "epoch", "train_loss", "val_metric")


def write_curves(path: Path, points: Iterable[tuple[Any, ...]]) -> None:
    """points: rows of HEADER; of a student `epoch` is an optimisation step."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows((*row[:4], f"{row[4]:.6f}", f"{row[5]:.6f}") for row in points)
