"""Differences of two recipes, or of two conditions of one, on the same patients.

Within one draw of the bootstrap all are scored on the same patients, so the draws' differences are
those of a paired test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fusehr.core.metrics import Array
from fusehr.evaluate.gather import Scores
from fusehr.evaluate.outputs import BOARD, FULL, HEADLINE, INTERVAL

METHOD = "paired patient-cluster bootstrap; 95 % percentile"

KEY = ["task", "recipe", "variant"]

# What stands in a table of differences besides who is compared.
DIFFERENCE = ("metric", "difference", "low", "high")
BEHIND = ("n", "n_patients", "draws", "undefined_draws", "seeds", "method")

LOWER_IS_BETTER = frozenset({"brier"})


def sign(metric: str) -> int:
    """1 where a higher value is better, else -1."""
    return -1 if metric in LOWER_IS_BETTER else 1


@dataclass(frozen=True)
class Value:
    """One recipe's value on a task: the mean over seeds, and that of each draw (b,)."""

    value: float
    draws: Array
    n: int
    n_patients: int
    seeds: str


@dataclass(frozen=True)
class Difference:
    """One value less another; `draws` (b,) are nan where either is undefined."""

    metric: str
    value: float
    draws: Array
    n: int
    n_patients: int
    seeds: str

    @property
    def defined(self) -> Array:
        """Draws in which both have a value."""
        return self.draws[np.isfinite(self.draws)]

    def row(self) -> dict[str, Any]:
        """The columns DIFFERENCE and BEHIND."""
        low, high = np.quantile(self.defined, INTERVAL)
        return {
            "metric": self.metric,
            "difference": self.value,
            "low": low,
            "high": high,
            "n": self.n,
            "n_patients": self.n_patients,
            "draws": len(self.draws),
            "undefined_draws": len(self.draws) - len(self.defined),
            "seeds": self.seeds,
            "method": METHOD,
        }


class Drawn:
    """Values and draws of every recipe, found by task, recipe and variant."""

    def __init__(self, scores: Scores) -> None:
        points = scores.intervals[
            scores.intervals["class"].isin(HEADLINE) & scores.intervals["metric"].isin(BOARD)
        ]
        self._points = {
            (row["task"], row["recipe"], row["variant"], row["metric"]): row
            for row in points.to_dict("records")
        }
        self._draws: dict[tuple[str, ...], Array] = {
            tuple(map(str, key)): part[list(BOARD)].to_numpy(float)
            for key, part in scores.draws.sort_values("draw").groupby(KEY)
        }

    def variants(self, task: str, recipe: str) -> list[str]:
        """Names of the conditions that the recipe was scored in."""
        return sorted(variant for *own, variant in self._draws if own == [task, recipe])

    def value(self, task: str, recipe: str, metric: str, variant: str = FULL) -> Value | None:
        """None where the recipe has no value."""
        point = self._points.get((task, recipe, variant, metric))
        if point is None or not np.isfinite(point["value"]):
            return None
        draws = self._draws[task, recipe, variant][:, BOARD.index(metric)]
        return Value(
            point["value"], draws, point["n"], point["n_patients"], seeds=str(point["seeds"])
        )


def difference(one: Value | None, other: Value | None, metric: str) -> Difference | None:
    """`one` less `other`; None where either has no value, or no draw in which both have one."""
    if one is None or other is None:
        return None
    draws = one.draws - other.draws
    if not np.isfinite(draws).any():
        return None
    seeds = " against ".join(dict.fromkeys([one.seeds, other.seeds]))
    return Difference(metric, one.value - other.value, draws, one.n, one.n_patients, seeds)
