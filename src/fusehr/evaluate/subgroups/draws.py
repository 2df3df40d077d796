"""The primary metric of each class in each group, on the draws that all of the project shares.

A group keeps its own part of every draw of the whole test fold's patients, so that a group's value
and the whole fold's are of the same draw, and their difference is a paired one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from fusehr.core.metrics import (
    RANKING,
    Array,
    Ranking,
    Weights,
    confusion_cells,
    squared_errors,
    weighted_f1,
)
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.scoring.conditions import Condition
from fusehr.evaluate.scoring.recalibration import recalibrate
from fusehr.evaluate.scoring.resample import resamples
from fusehr.evaluate.scoring.scorers import Patients, decided

F1 = "f1_weighted"


@dataclass(frozen=True)
class Part:
    """A part of a test fold: `rows` (n,), its samples; `members` (m,), numbers of their patients.

    patients: whom the weights of the part are of, numbered from 0 to m - 1.
    """

    rows: Array
    members: Array
    patients: Patients

    @classmethod
    def of(cls, rows: Array, owner: Array) -> Part:
        """owner (N,): the number of the patient of each sample of the whole fold."""
        members, own = np.unique(owner[rows], return_inverse=True)
        return cls(rows, members, Patients(len(members), own))


def part_draws(
    recipes: dict[str, Condition], parts: list[Part], metric: str, params: EvaluateParams
) -> dict[str, list[Array]]:
    """Recipe -> for each part the values (classes, 1 + draws), the undrawn fold first.

    They are means over seeds. All conditions are of one task and of the same samples. Weighted F1
    has no classes, and one row.
    """
    first = next(iter(recipes.values()))
    count = Patients.of(first.test.patients).count
    found: dict[str, list[list[Array]]] = {name: [[] for _ in parts] for name in recipes}
    scorers = {name: _scorers(own, parts, metric) for name, own in recipes.items()}
    whole = np.ones((count, 1), np.int32)
    # Small products gain nothing from a second thread and stall where a core is busy.
    with threadpool_limits(1, user_api="blas"):
        for drawn in resamples(count, draws=params.bootstrap_draws, seed=params.seed):
            weights = drawn if whole is None else np.concatenate([whole, drawn], axis=1)
            whole = None
            for p, part in enumerate(parts):
                own = Weights(np.ascontiguousarray(weights[part.members]))
                for name in recipes:
                    seeds = [[score(own) for score in seed] for seed in scorers[name][p]]
                    found[name][p].append(np.mean(seeds, axis=0))
    return {
        name: [np.concatenate(chunks, axis=1) for chunks in by_part]
        for name, by_part in found.items()
    }


Scorer = Callable[[Weights], Array]  # (b,) of weights (patients of the part, b)


def _scorers(condition: Condition, parts: list[Part], metric: str) -> list[list[list[Scorer]]]:
    """By part, seed and class."""
    raw = condition.test.probabilities
    # ranks and named classes do not need it
    p = recalibrate(condition).probabilities if metric == "brier" else raw
    return [
        [_of_classes(metric, condition.test.labels, p[seed], part) for seed in range(len(p))]
        for part in parts
    ]


def _of_classes(metric: str, labels: Array, p: Array, part: Part) -> list[Scorer]:
    labels, p = labels[part.rows], p[part.rows]
    if metric == F1:
        return [_f1(labels, p, part.patients)]
    made = _ranked if metric in RANKING else _brier
    return [made(metric, labels[:, k], p[:, k], part.patients) for k in range(labels.shape[1])]


def _ranked(metric: str, y: Array, p: Array, patients: Patients) -> Scorer:
    ranking = Ranking(y, p, owner=patients.owner)
    return lambda weights: ranking.values(weights, (metric,))[metric]


def _brier(_: str, y: Array, p: Array, patients: Patients) -> Scorer:
    errors = patients.sums(squared_errors(y, p))[:, 0]

    def value(weights: Weights) -> Array:
        with np.errstate(invalid="ignore"):  # a draw may hold no one of the part
            return (errors @ weights.double) / patients.samples(weights)

    return value


def _f1(labels: Array, p: Array, patients: Patients) -> Scorer:
    k = labels.shape[1]
    cells = patients.sums(confusion_cells(*decided(labels, p), k))
    return lambda weights: weighted_f1((weights.double.T @ cells).reshape(-1, k, k))
