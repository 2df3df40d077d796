"""What a single number cannot show of a recipe: curves, calibration bins, confusions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fusehr.core.metrics import Array, confusion
from fusehr.evaluate.scoring.conditions import Condition
from fusehr.evaluate.scoring.curves import GRID, calibration_table, pr_on_grid, roc_on_grid
from fusehr.evaluate.scoring.scorers import MACRO, MICRO, decided


def curves(condition: Condition, kept: Array) -> pd.DataFrame:
    """Mean curves over seeds and, with several classes, over the kept ones (vertical averages)."""
    labels, p = condition.test.labels, condition.test.probabilities
    binary = condition.kind == "binary"
    ks = [0] if binary else np.flatnonzero(kept)
    rows = []
    for curve, on_grid in (("roc", roc_on_grid), ("pr", pr_on_grid)):
        if len(ks) == 0:
            continue
        ys = [on_grid(labels[:, k], p[s, :, k]) for s in range(len(p)) for k in ks]
        rows.append(pd.DataFrame({"curve": curve, "x": GRID, "y": np.mean(ys, axis=0)}))
    scope = condition.classes[0] if binary else MACRO
    return pd.concat(rows).assign(**{"class": scope}) if rows else pd.DataFrame()


def calibration_bins(condition: Condition, adjusted: Array, kept: Array, bins: int) -> pd.DataFrame:
    """Calibration bins before and after recalibration; several classes are pooled."""
    binary = condition.kind == "binary"
    ks = np.array([True]) if binary else kept
    if not ks.any():
        return pd.DataFrame()
    labels = condition.test.labels[:, ks]
    scales = (("raw", condition.test.probabilities), ("recalibrated", adjusted))
    frame = pd.concat(
        [
            calibration_table(labels, p[:, :, ks], bins=bins).assign(probabilities=name)
            for name, p in scales
        ]
    )
    return frame.assign(**{"class": condition.classes[0] if binary else MICRO})


def confusions(condition: Condition) -> pd.DataFrame:
    """Confusion counts per seed; no rows where classes are not exclusive."""
    if condition.kind != "multiclass":
        return pd.DataFrame()
    names = condition.classes
    rows = []
    for seed, p in zip(condition.seeds, condition.test.probabilities, strict=True):
        matrix = confusion(*decided(condition.test.labels, p), classes=len(names))
        rows += [
            {"seed": seed, "truth": names[i], "predicted": names[j], "n": int(matrix[i, j])}
            for i in range(len(names))
            for j in range(len(names))
        ]
    return pd.DataFrame(rows)
