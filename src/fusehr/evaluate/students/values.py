"""Every value that is compared: by task, name and metric, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusehr.core.frame.tasks import in_order
from fusehr.evaluate.disclosure import hide_support
from fusehr.evaluate.gather import Scores
from fusehr.evaluate.outputs import FULL, HEADLINE
from fusehr.evaluate.pairs import Drawn, Value
from fusehr.evaluate.students.names import COPY, DIAGNOSES, TEACHER, scored_as
from fusehr.evaluate.students.new_onset import NEW_ONSET

Key = tuple[str, str, str]  # task, name, metric


@dataclass(frozen=True)
class Values:
    """Values of the teacher, the students and the copy.

    metrics: of each task, in order; the first is its primary one. reasons: of what is not found.
    """

    tasks: tuple[str, ...]
    variants: tuple[str, ...]
    metrics: Mapping[str, tuple[str, ...]]
    found: Mapping[Key, Value]
    reasons: Mapping[Key, str]

    def names(self, task: str) -> tuple[str, ...]:
        """Who is compared on the task."""
        return (TEACHER, *self.variants, *([COPY] if task == DIAGNOSES else []))

    def value(self, task: str, name: str, metric: str) -> Value | None:
        """None where there is none, or where it is hidden."""
        return self.found.get((task, name, metric))


def collect(
    scores: Scores,
    onsets: Mapping[str, Value | str],
    *,
    tasks: Sequence[str],
    variants: Sequence[str],
    primary: Mapping[str, str],
    small: int | None,
) -> Values:
    """Values of `tasks` from the scores, and of new onsets by name.

    small: limit of small cells, below which a value is hidden; None for open data.
    """
    known = in_order(tasks)
    metrics: dict[str, tuple[str, ...]] = {}
    for task in known:
        metrics[task] = (primary[task], *(["auroc"] if primary[task] != "auroc" else []))
        metrics[task] += (NEW_ONSET,) if task == DIAGNOSES else ()
    found: dict[Key, Value] = {}
    reasons: dict[Key, str] = {}
    values = Values(known, tuple(variants), metrics, found, reasons)
    drawn, told, shown = Drawn(scores), _reasons(scores), _shown(scores, small)
    for task in known:
        for name in values.names(task):
            recipe = scored_as(name)
            for metric in metrics[task]:
                if metric == NEW_ONSET:
                    one = onsets.get(name, "no predictions")
                elif (value := drawn.value(task, recipe, metric)) is None:
                    one = told.get((task, recipe, metric), "no value")
                elif (task, recipe, metric) not in shown:
                    one = f"fewer than {small} patients of one class"
                else:
                    one = value
                if (task, recipe) in scores.skipped:
                    one = scores.skipped[task, recipe]
                if isinstance(one, str):
                    reasons[task, name, metric] = one
                else:
                    found[task, name, metric] = one
    return values


def _reasons(scores: Scores) -> dict[Key, str]:
    """Why values of (task, recipe, metric) are undefined."""
    rows = scores.intervals[
        scores.intervals["class"].isin(HEADLINE) & (scores.intervals["variant"] == FULL)
    ]
    rows = rows[rows["reason"] != ""]
    return {
        (row["task"], row["recipe"], row["metric"]): row["reason"]
        for row in rows.to_dict("records")
    }


def _shown(scores: Scores, small: int | None) -> set[Key]:
    """(task, recipe, metric) that are not about a few people."""
    rows = scores.intervals[
        scores.intervals["class"].isin(HEADLINE) & (scores.intervals["variant"] == FULL)
    ]
    if small is not None:
        rows = hide_support(rows, small=small, values=("value",), by=("recipe", "metric"))
    rows = rows[np.isfinite(rows["value"].astype(float))]
    return set(zip(rows["task"], rows["recipe"], rows["metric"], strict=True))
