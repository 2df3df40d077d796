"""Curves on fixed grids: drawable, comparable, and no point of them is one patient."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fusehr.core.metrics import Array, Ranking, equal_mass_bins

GRID = np.linspace(0.0, 1.0, 101)
FEWEST = 10


def roc_on_grid(y: Array, p: Array) -> Array:
    """Sensitivity at false-positive rates GRID, (101,); where the curve is vertical, its top.

    nan throughout where a class is missing.
    """
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1) if len(p) else []
    positive = (y[order] == 1).astype(float)
    if positive.sum() in (0.0, len(y)):
        return np.full(len(GRID), np.nan)
    hits = np.concatenate([[0.0], np.cumsum(positive)[ends]]) / positive.sum()
    alarms = np.concatenate([[0.0], np.cumsum(1 - positive)[ends]]) / (1 - positive).sum()
    left = np.searchsorted(alarms, GRID, side="right") - 1
    right = np.minimum(left + 1, len(alarms) - 1)
    width = alarms[right] - alarms[left]
    share = np.where(width > 0, (GRID - alarms[left]) / np.where(width > 0, width, 1), 0.0)
    return hits[left] + share * (hits[right] - hits[left])


def pr_on_grid(y: Array, p: Array) -> Array:
    """Precision at sensitivities GRID, (101,): that of the highest threshold which reaches each.

    A threshold also flags at least FEWEST samples: the first few say nothing but who they are.
    Nothing is interpolated, as precision is not linear between points. nan where a class is
    missing.
    """
    if not (np.any(y == 1) and np.any(y == 0)):
        return np.full(len(GRID), np.nan)
    blocks = list(Ranking(y, p).thresholds(np.ones((len(y), 1), np.int32)))
    found = np.concatenate([block.true_positives[:, 0] for block in blocks])
    flagged = found + np.concatenate([block.false_positives[:, 0] for block in blocks])
    first = np.searchsorted(found / found[-1], GRID - 1e-9, side="left")
    enough = min(int(np.searchsorted(flagged, FEWEST)), len(flagged) - 1)
    first = np.maximum(first, enough)
    return found[first] / flagged[first]


def calibration_table(labels: Array, probabilities: Array, *, bins: int) -> pd.DataFrame:
    """Predicted against observed risk in equal-mass bins.

    labels (n, k) and probabilities (S, n, k): classes and seeds are pooled. `n` and `n_positive`
    count label values once, not once a seed.
    """
    p = probabilities.ravel()
    number = equal_mass_bins(p, bins)
    count = int(number.max(initial=-1)) + 1
    y = np.broadcast_to(labels.ravel(), (len(probabilities), labels.size)).ravel()
    size = np.bincount(number, minlength=count)
    # a label value counts once in a bin, however many seeds put it there
    cell = np.broadcast_to(np.arange(labels.size), (len(probabilities), labels.size)).ravel()
    bin_, own = np.divmod(np.unique(number * labels.size + cell), max(labels.size, 1))
    return pd.DataFrame(
        {
            "bin": np.arange(count),
            "predicted": np.bincount(number, p, count) / size,
            "observed": np.bincount(number, y, count) / size,
            "n": np.bincount(bin_, minlength=count),
            "n_positive": np.bincount(bin_, labels.ravel()[own], count).astype(np.int64),
        }
    )
