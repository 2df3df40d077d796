"""All that `evaluate-subgroups` leaves: a row a group, a row a worst group, a picture, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file, read_parquet, write_json
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.frame.tasks import Task, in_order
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.leaderboard import DECIMALS
from fusehr.evaluate.outputs import FULL
from fusehr.evaluate.scoring.conditions import Condition, conditions
from fusehr.evaluate.subgroups.figure import draw_subgroups
from fusehr.evaluate.subgroups.gaps import GAPS, worst_gaps
from fusehr.evaluate.subgroups.groups import ANY, sample_groups
from fusehr.evaluate.subgroups.performance import (
    COLUMNS,
    Scored,
    groups_of,
    scored_groups,
    table,
)
from fusehr.evaluate.tables import rounded


def evaluate_subgroups(
    root: Path, predicted: Mapping[str, Path], params: EvaluateParams, *, restricted: bool
) -> str:
    """Write plots/subgroup* and metrics/subgroups.json below `root`; the text to print.

    predicted: recipe -> its predictions.parquet, below `root`, of all that may be named. Raises
    InputError where a recipe is none of those, or predicted other samples than another.
    """
    params.expect_no_small_cells(restricted=restricted)
    found = _conditions(root, predicted, params.subgroups.recipes)
    groups = sample_groups(root / "data/tables", params.subgroups.age_bounds)
    frames, scored = [], []
    present: list[Task] = list(in_order(found))
    for task in present:
        recipes, metric = found[task], params.primary[task]
        first = next(iter(recipes.values()))
        small = params.small_cell if restricted else None
        own = groups_of(first, groups, params, small=small)
        values = scored_groups(recipes, own, metric, params)
        frames.append(table(task, list(recipes), metric, own, values))
        scored += values
    # no concat of nothing where no recipe predicted anything
    subgroups = rounded(pd.concat(frames) if frames else pd.DataFrame(columns=list(COLUMNS)))
    gaps = rounded(worst_gaps(scored))
    plots = root / "plots"
    for name, frame in (("subgroups", subgroups), ("subgroup_gaps", gaps)):
        with output_file(plots / f"{name}.csv") as partial:
            frame.to_csv(partial, index=False, lineterminator="\n")
    draw_subgroups(plots / "subgroups.png", subgroups)
    write_json(root / "metrics/subgroups.json", _few_numbers(gaps, params))
    return _text(gaps, scored)


def _conditions(
    root: Path, predicted: Mapping[str, Path], recipes: list[str]
) -> dict[str, dict[str, Condition]]:
    """Task -> recipe -> predictions with nothing withheld."""
    found: dict[str, dict[str, Condition]] = {}
    for recipe in recipes:
        if recipe not in predicted:
            raise InputError(
                "params.yaml: evaluate.subgroups.recipes: expected some of "
                f"{', '.join(predicted)}, found {recipe}"
            )
        path = root / predicted[recipe]
        frame = read_parquet(path, PREDICTIONS)
        for condition in conditions(frame[frame["variant"] == FULL], source=str(path)):
            others = found.setdefault(condition.task, {})
            first = next(iter(others.values()), condition)
            same = condition.digest() == first.digest()
            if not same or condition.split_sha != first.split_sha:
                raise InputError(
                    f"{path}: column sample_id: expected the test samples, labels and split of "
                    f"{next(iter(others))} for {condition.task}; found others, so the two cannot "
                    "be compared"
                )
            others[recipe] = condition
    return found


def _few_numbers(gaps: pd.DataFrame, params: EvaluateParams) -> dict[str, Any]:
    """task -> recipe -> worst gap and group; of the first recipe and those compared with."""
    chosen = {params.subgroups.recipes[0], params.reference, params.noninferior.against}
    found: dict[str, Any] = {}
    for row in gaps[gaps["attribute"] == ANY].to_dict("records"):
        if row["recipe"] in chosen:
            entry = {"worst_gap": round(row["gap"], DECIMALS), "worst_group": row["worst"]}
            found.setdefault(row["task"], {})[row["recipe"]] = entry
    return found


def _text(gaps: pd.DataFrame, scored: list[Scored]) -> str:
    """The worst group of each task and recipe, a line each."""
    lines = [f"{len(scored)} groups of test patients scored; the worst of each task and recipe:"]
    for row in gaps.loc[gaps["attribute"] == ANY, list(GAPS)].to_dict("records"):
        lines.append(
            f"  {row['task']:15} {row['recipe']:16} {row['worst']:34} behind by {row['gap']:.3f} "
            f"[{row['gap_low']:+.3f}, {row['gap_high']:+.3f}], adjusted p {row['p']:.3f}"
        )
    return "\n".join(lines)
