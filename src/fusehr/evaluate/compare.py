"""Paired comparisons: every recipe with the reference, and every recipe with the ceiling.

Within one draw of the bootstrap two recipes are scored on the same patients, so the draws'
differences are those of a paired test. A p-value counts the draws on the far side of zero:
p = 2 min(#(d <= 0) + 1, #(d >= 0) + 1) / (B + 1), at most 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fusehr.core.metrics import Array
from fusehr.evaluate.gather import ATTAINABLE, Scores
from fusehr.evaluate.outputs import BOARD, FULL, HEADLINE, INTERVAL

METHOD = "paired patient-cluster bootstrap; 95 % percentile"

PAIRED = (
    "task",
    "recipe",
    "reference",
    "metric",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "n",
    "n_patients",
    "draws",
    "undefined_draws",
    "seeds",
    "method",
)
CEILING = (*(name for name in PAIRED if name not in ("p", "p_holm")), "verdict")

LOWER_IS_BETTER = frozenset({"brier"})


def holm(p: Array) -> Array:
    """Holm's step-down adjusted p-values, in the given order; nan stays nan and does not count.

    Reference: Holm, Scandinavian Journal of Statistics 1979.
    """
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def two_sided_p(differences: Array) -> float:
    """Bootstrap p-value of no difference, from the defined draws' differences."""
    sides = min(np.sum(differences <= 0), np.sum(differences >= 0))
    return float(min(1.0, 2.0 * (sides + 1) / (len(differences) + 1)))


class _Draws:
    """Points and draws of the full variant, found by task and recipe."""

    def __init__(self, scores: Scores) -> None:
        points = scores.intervals[
            (scores.intervals["variant"] == FULL)
            & scores.intervals["class"].isin(HEADLINE)
            & scores.intervals["metric"].isin(BOARD)
        ]
        self._points = {
            (row["task"], row["recipe"], row["metric"]): row for row in points.to_dict("records")
        }
        full = scores.draws[scores.draws["variant"] == FULL].sort_values("draw")
        self._draws = {
            key: part[list(BOARD)].to_numpy(float) for key, part in full.groupby(["task", "recipe"])
        }

    def difference(
        self, task: str, recipe: str, reference: str, metric: str
    ) -> dict[str, Any] | None:
        """One row without adjustment, or None where either has no value."""
        point, base = (self._points.get((task, name, metric)) for name in (recipe, reference))
        if point is None or base is None or not np.isfinite(point["value"] - base["value"]):
            return None
        column = BOARD.index(metric)
        one, other = (self._draws[task, name][:, column] for name in (recipe, reference))
        differences = one - other
        defined = differences[np.isfinite(differences)]
        if len(defined) == 0:
            return None
        low, high = np.quantile(defined, INTERVAL)
        seeds = dict.fromkeys([str(point["seeds"]), str(base["seeds"])])
        return {
            "task": task,
            "recipe": recipe,
            "reference": reference,
            "metric": metric,
            "difference": point["value"] - base["value"],
            "low": low,
            "high": high,
            "p": two_sided_p(defined),
            "n": point["n"],
            "n_patients": point["n_patients"],
            "draws": len(differences),
            "undefined_draws": len(differences) - len(defined),
            "seeds": " against ".join(seeds),
            "method": METHOD,
        }


def paired_with_reference(
    scores: Scores, *, reference: str, primary: Mapping[str, str]
) -> pd.DataFrame:
    """Differences to the reference on every board metric; columns PAIRED.

    Only a task's primary metric is tested. The family of Holm's adjustment is the tasks of one
    recipe: each recipe is a claim of its own, made on several tasks.
    """
    draws = _Draws(scores)
    rows = []
    for recipe in scores.ranked:
        if recipe == reference:
            continue
        own = [
            row
            for task in scores.tasks
            for metric in BOARD
            if (row := draws.difference(task, recipe, reference, metric)) is not None
        ]
        tested = np.array(
            [row["p"] if primary.get(row["task"]) == row["metric"] else np.nan for row in own]
        )
        for row, p, p_holm in zip(own, tested, holm(tested), strict=True):
            rows.append(row | {"p": p, "p_holm": p_holm})
    return pd.DataFrame(rows, columns=list(PAIRED))


def paired_with_ceiling(scores: Scores, *, primary: Mapping[str, str]) -> pd.DataFrame:
    """Differences to the attainable ceiling on the primary metric; columns CEILING.

    `verdict` is `above` where the whole interval lies on the better side of the ceiling: no model
    can be there honestly, so it is a fault of the generator, or a leak.
    """
    draws = _Draws(scores)
    rows = []
    for recipe in scores.ranked if ATTAINABLE in scores.recipes else ():
        for task in scores.tasks:
            metric = primary.get(task, "auroc")
            row = draws.difference(task, recipe, ATTAINABLE, metric)
            if row is not None:
                better = row["high"] < 0 if metric in LOWER_IS_BETTER else row["low"] > 0
                rows.append(row | {"verdict": "above" if better else "ok"})
    return pd.DataFrame(rows, columns=list(CEILING))
