"""Base and head of each recipe on the same patients: which differences are more than noise.

The draws of the bootstrap follow from the number of patients and the seed alone (see
evaluate/scoring/resample.py), so the draws stored at the base and those of the head are paired
wherever both were scored alike on the same samples. Where scoring itself has changed, the base's
predictions are scored anew as the head's were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fusehr.core.frame.files import read_json, read_parquet
from fusehr.core.frame.params import lookup, validate
from fusehr.core.frame.tasks import in_order
from fusehr.core.params.evaluate import EvaluateParams, ScoreParams
from fusehr.core.params.raw import RESTRICTED
from fusehr.evaluate.compare import ERROR, holm, two_sided_p
from fusehr.evaluate.disclosure import hide_support
from fusehr.evaluate.gather import Scores
from fusehr.evaluate.outputs import DRAWS, FULL, INTERVALS, LABELS
from fusehr.evaluate.pairs import Drawn, difference, sign
from fusehr.evaluate.scoring.score_recipe import score_recipe
from fusehr.evaluate.students.names import EVALUATED, ON_BOARD, STUDENTS, predicted_in
from fusehr.review.versions import NotStoredError, Version

BETTER, WORSE, NOT_SHOWN, SAME = "better", "worse", "not shown", "same"
NOT_COMPARABLE = "not comparable"

BASE, HEAD = "base", "head"
SCORING_CODE = (
    *("src/fusehr/core/calibration.py", "src/fusehr/core/metrics.py"),
    *("src/fusehr/evaluate/outputs.py", "src/fusehr/evaluate/scoring"),
)
SCORING_PARAMS = (
    *(f"evaluate.{name}" for name in ScoreParams.__dataclass_fields__),  # type: ignore[attr-defined]
    "tables.deterioration.step_hours",
)
DISTILLED = {recipe: predicted_in(name) for name, recipe in ON_BOARD.items()}


@dataclass(frozen=True)
class Compared:
    """A recipe's primary metric on a task at base and head.

    `low` and `high`: the 95 % interval of head less base; `p_holm`: adjusted over the tasks of the
    recipe; `reason`: of what is not comparable, which has no numbers.
    """

    task: str
    recipe: str
    metric: str
    verdict: str
    base: float = np.nan
    head: float = np.nan
    difference: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p_holm: float = np.nan
    draws: int = 0
    reason: str = ""


def changed_recipes(base: Version, head: Version) -> list[str]:
    """Recipes whose scores differ between the two dvc.lock, in the order of the head's."""
    then, now = _scored(base), _scored(head)
    both = dict.fromkeys([*now, *then])
    return [recipe for recipe in both if then.get(recipe) != now.get(recipe)]


def _scored(version: Version) -> dict[str, str]:
    return {
        Path(path).name: out["md5"]
        for path, out in version.outputs.items()
        if Path(path).parent == EVALUATED and Path(path).name != STUDENTS
    }


def compare(base: Version, head: Version, scratch: Path) -> list[Compared]:
    """Each changed recipe and task, largest difference first, what is not comparable last.

    What the comparison needs of the base (and of the head, where it is not in the working tree) is
    fetched into `scratch`. Counts of few patients are hidden where either source is restricted.
    """
    params = validate(lookup(head.params, "evaluate"), EvaluateParams, "evaluate")
    small = params.small_cell if {_source(base), _source(head)} & RESTRICTED else None
    found: list[Compared] = []
    for recipe in changed_recipes(base, head):
        try:
            sides = {
                BASE: _scores_of_base(base, head, recipe, scratch, params),
                HEAD: _scores(head, recipe, scratch / HEAD),
            }
        except NotStoredError:
            reason = "its scores can be had neither from the cache nor from a remote"
            found += [_not_comparable(task, recipe, params, reason) for task in _tasks(head)]
            continue
        found += _adjusted(_by_task(recipe, sides, params, small))
    return sorted(found, key=_largest_first)


def _largest_first(one: Compared) -> tuple[bool, float, str, str]:
    incomparable = one.verdict == NOT_COMPARABLE
    return incomparable, 0.0 if incomparable else -abs(one.difference), one.recipe, one.task


def _source(version: Version) -> str:
    return str(lookup(version.params, "raw.source"))


def _tasks(version: Version) -> list[str]:
    return list(in_order(lookup(version.params, "train.tasks")))


def _not_comparable(task: str, recipe: str, params: EvaluateParams, reason: str) -> Compared:
    metric = params.primary[task]
    return Compared(task, recipe, metric, NOT_COMPARABLE, reason=reason)


@dataclass(frozen=True)
class _Side:
    """Scores of one recipe at one version; without any where it did not have the recipe."""

    intervals: pd.DataFrame
    draws: pd.DataFrame
    labels: pd.DataFrame
    skipped: dict[str, str]

    def met(self, task: str) -> tuple[str, str] | None:
        """Digest of the test samples and hash of the split; None where the task has no score."""
        own = self.labels[(self.labels["task"] == task) & (self.labels["variant"] == FULL)]
        return None if own.empty else (own["digest"].iloc[0], own["split_sha"].iloc[0])


def _scores(version: Version, recipe: str, folder: Path) -> _Side:
    name = f"{EVALUATED}/{recipe}"
    if name not in version.outputs:
        intervals, draws, labels = (
            table.arrow().empty_table().to_pandas() for table in (INTERVALS, DRAWS, LABELS)
        )
        return _Side(
            intervals,
            draws,
            labels,
            dict.fromkeys(_tasks(version), f"{version.name} has no such recipe"),
        )
    version.fetch(name, folder / recipe)
    return _read(folder / recipe)


def _read(folder: Path) -> _Side:
    intervals, draws, labels = (
        read_parquet(folder / f"{table.name}.parquet", table)
        for table in (INTERVALS, DRAWS, LABELS)
    )
    return _Side(intervals, draws, labels, read_json(folder / "skipped.json"))


def _scores_of_base(
    base: Version, head: Version, recipe: str, scratch: Path, params: EvaluateParams
) -> _Side:
    known = f"{EVALUATED}/{recipe}" in base.outputs and f"{EVALUATED}/{recipe}" in head.outputs
    if not known or _scored_alike(base, head, recipe):
        return _scores(base, recipe, scratch / BASE)
    trained = DISTILLED.get(recipe, Path("data/train") / recipe)
    for file in ("predictions.parquet", "skipped.json"):
        base.fetch(f"{trained}/{file}", scratch / "predictions" / recipe / file)
    step_hours = lookup(head.params, "tables.deterioration.step_hours")
    target = scratch / BASE / recipe
    score_recipe(scratch / "predictions" / recipe, target, params, step_hours=step_hours)
    return _read(target)


def _scored_alike(base: Version, head: Version, recipe: str) -> bool:
    return _scoring(base, recipe) == _scoring(head, recipe)


def _scoring(version: Version, recipe: str) -> tuple[dict[str, str], list[Any]]:
    """Hashes of the code and values of the parameters that made the recipe's scores."""
    path = f"{EVALUATED}/{recipe}"
    for stage in version.lock["stages"].values():
        if any(out["path"] == path for out in stage.get("outs", [])):
            code = {d["path"]: d["md5"] for d in stage["deps"] if d["path"] in SCORING_CODE}
            return code, [lookup(version.params, name) for name in SCORING_PARAMS]
    return {}, []


def _by_task(
    recipe: str, sides: dict[str, _Side], params: EvaluateParams, small: int | None
) -> list[tuple[Compared, float]]:
    """Each task that either side has, with its p-value before adjustment (nan: not tested)."""
    drawn = Drawn(_as_scores(sides, small))
    primary = params.primary
    found: list[tuple[Compared, float]] = []
    met = {name for side in sides.values() for name in (*side.labels["task"], *side.skipped)}
    for task in in_order(met):
        reason = _why_not(task, sides)
        if reason is None:
            continue
        metric = primary[task]
        paired = None
        if not reason:
            then, now = (drawn.value(task, side, metric) for side in (BASE, HEAD))
            paired = difference(now, then, metric)
        if paired is None:
            reason = reason or "undefined or hidden, as few patients have one of the labels"
            found.append((_not_comparable(task, recipe, params, reason), np.nan))
            continue
        assert then is not None and now is not None
        low, high = paired.row()["low"], paired.row()["high"]
        same = paired.value == 0 and not paired.defined.any()
        one = Compared(
            *(task, recipe, metric, SAME if same else NOT_SHOWN),
            *(then.value, now.value, paired.value, low, high),
            draws=len(paired.draws),
        )
        found.append((one, np.nan if same else two_sided_p(paired.defined)))
    return found


def _why_not(task: str, sides: dict[str, _Side]) -> str | None:
    """Why base and head cannot be compared, "" where they can, None where neither has the task."""
    met = {name: side.met(task) for name, side in sides.items()}
    if not any(met.values()):
        return None
    for name, side in sides.items():
        if met[name] is None:
            why = side.skipped.get(task, "no predictions")
            return f"no score at the {name}: {why}"
    (digest, split), (digest_now, split_now) = (met[BASE] or ("", "")), (met[HEAD] or ("", ""))
    if split != split_now:
        return "patients are split otherwise"
    return "" if digest == digest_now else "other test samples or labels"


def _as_scores(sides: dict[str, _Side], small: int | None) -> Scores:
    """Both sides as if they were two recipes; values about few people are left out."""
    intervals, draws = (
        pd.concat([getattr(side, name).assign(recipe=which) for which, side in sides.items()])
        for name in ("intervals", "draws")
    )
    if small is not None:
        shown = hide_support(
            intervals, small=small, values=("value",), by=("recipe", "variant", "metric")
        )
        intervals = intervals.assign(value=shown["value"])
    nothing = pd.DataFrame()
    return Scores(tuple(sides), intervals, draws, *[nothing] * 4, skipped={}, not_recalibrated={})


def _adjusted(found: Sequence[tuple[Compared, float]]) -> list[Compared]:
    """With p-values adjusted over the tasks of the recipe, and what they say."""
    p = holm(np.array([value for _, value in found]))
    result = []
    for (one, _), adjusted in zip(found, p, strict=True):
        if adjusted < 2 * ERROR:
            better = one.difference * sign(one.metric) > 0
            one = replace(one, verdict=BETTER if better else WORSE)
        result.append(replace(one, p_holm=float(adjusted)))
    return result
