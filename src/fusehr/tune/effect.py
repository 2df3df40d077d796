"""What a search is worth: default and best parameters trained alike, and tested once.

Parameters were chosen on validation patients, whose score of the best is therefore flattering. The
difference on test patients is not: it is that of a paired bootstrap over patients, with the draws
of every other comparison, and is told whichever way it goes.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fusehr.core.cohort import split_sha
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.metrics import Array
from fusehr.core.params.evaluate import ScoreParams
from fusehr.core.params.train import ExplainedParams, Seeds, Share, Threads
from fusehr.core.predictions import FULL, predictions_table
from fusehr.evaluate.compare import two_sided_p
from fusehr.evaluate.disclosure import hide_support
from fusehr.evaluate.gather import Scores
from fusehr.evaluate.outputs import HEADLINE, TABLES
from fusehr.evaluate.pairs import Drawn, difference
from fusehr.evaluate.scoring.conditions import Fold, conditions
from fusehr.evaluate.scoring.score import score
from fusehr.train.engine.registry import Job, load_recipe
from fusehr.train.engine.task import train_tasks
from fusehr.tune.space import Space, Values, with_values
from fusehr.tune.trial import validation_score

DEFAULT, BEST = "default", "best"
SHOWN, NOT_SHOWN = ("better", "worse"), "no difference shown"


@dataclass(frozen=True)
class Compared:
    """predictions: as every recipe writes them, `default` and `best` in the place of the variant.

    validation, test: numbers by name; `reason` says why test has none.
    """

    predictions: pd.DataFrame
    validation: dict[str, float]
    test: dict[str, Any]


def compare(
    space: Space,
    best: Values,
    params: StageParams,
    tables: Path,
    scoring: ScoreParams,
    *,
    step_hours: float,
    small: int | None,
) -> Compared:
    """Train both on train patients with every seed of `train.seeds`, and score them.

    small: patients of a class below which a restricted source tells nothing; None for open data.
    """
    predictions = pd.concat(
        [
            _predictions(space, name, values, params, tables)
            for name, values in ((DEFAULT, space.defaults), (BEST, best))
        ],
        ignore_index=True,
    )
    source = f"tune {space.name}"
    found = {one.variant: one for one in conditions(predictions, source=source)}
    validation = {name: _mean_score(space, found[name].val) for name in (DEFAULT, BEST)}
    validation["difference"] = validation[BEST] - validation[DEFAULT]
    scored, _ = score(found.values(), scoring, step_hours=step_hours)
    return Compared(predictions, validation, _tested(space, scored, small))


def _predictions(
    space: Space, name: str, values: Values, params: StageParams, tables: Path
) -> pd.DataFrame:
    of = space.params
    chosen = with_values(params, values)
    configured = load_recipe(of.recipe, chosen)
    job = Job(
        name=of.recipe,
        recipe=configured.recipe,
        tasks=[of.task],
        seeds=chosen.section("train.seeds", Seeds),
        threads=chosen.section("train.threads", Threads),
        share=chosen.section("train.share", Share),
        explained=ExplainedParams(samples=0, steps=1),
        resolved=configured.resolved,
    )
    with tempfile.TemporaryDirectory(prefix="fusehr-tune-") as folder:
        (trained,) = train_tasks(job, [of.task], tables, Path(folder), log=lambda _: None)
    if trained.skipped:
        raise InputError(f"{of.recipe} cannot be tuned on {of.task}: {trained.skipped}")
    table = predictions_table(trained.predictions, recipe=of.recipe, split_sha=split_sha(tables))
    table = table[table["variant"] == FULL].assign(variant=name)
    return table[[column.name for column in PREDICTIONS.columns]]


def _mean_score(space: Space, fold: Fold) -> float:
    scores = [validation_score(space.params.metric, fold.labels, p) for p in fold.probabilities]
    return float(np.mean(scores))


def _tested(space: Space, scored: dict[str, pd.DataFrame], small: int | None) -> dict[str, Any]:
    of = space.params
    if few := _too_few(scored["intervals"], of.metric, small):
        return {"reason": few}
    frames = {table.name: scored[table.name].assign(recipe=of.recipe) for table in TABLES}
    frames.pop("points")
    drawn = Drawn(Scores((of.recipe,), skipped={}, not_recalibrated={}, **frames))
    one, other = (drawn.value(of.task, of.recipe, of.metric, name) for name in (BEST, DEFAULT))
    paired = difference(one, other, of.metric)
    if one is None or other is None or paired is None:
        return {"reason": f"{of.metric} is undefined on the test patients"}
    row = paired.row()
    row.pop("metric")
    return {
        DEFAULT: other.value,
        BEST: one.value,
        **row,
        "p": two_sided_p(paired.defined),
        "verdict": _verdict(paired.defined, row["low"], row["high"]),
    }


def _verdict(draws: Array, low: float, high: float) -> str:
    better, worse = SHOWN
    if not draws.any():
        return "the same"
    return better if low > 0 else worse if high < 0 else NOT_SHOWN


def _too_few(intervals: pd.DataFrame, metric: str, small: int | None) -> str:
    """Why a restricted source must not tell the value; '' where it may."""
    rows = intervals[intervals["class"].isin(HEADLINE) & (intervals["metric"] == metric)]
    if small is None or rows["value"].isna().any():
        return ""
    shown = hide_support(rows, small=small, values=("value",), by=("variant", "metric"))
    return f"fewer than {small} patients of one class" if shown["value"].isna().any() else ""
