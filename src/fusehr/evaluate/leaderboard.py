"""The leaderboard: as JSON that `dvc metrics diff` compares, and as text for the terminal.

`brier` is the one after recalibration on validation patients, for every recipe: a loss with class
weights would otherwise lose by its weights alone. The one before stands in plots/metrics.csv as
`brier_raw`. With several classes a metric is the mean over those with enough patients.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fusehr.core.frame.tasks import in_order
from fusehr.evaluate.gather import CEILINGS, Scores
from fusehr.evaluate.outputs import BOARD, FULL, HEADLINE

DECIMALS = 4

Entry = dict[str, float | str]


def leaderboard(
    scores: Scores, metrics: pd.DataFrame, *, small: int | None
) -> dict[str, dict[str, Entry]]:
    """task -> recipe -> metric -> value; from the table `metrics`, so that what it hides stays so.

    Values are numbers, except `skipped` (why there is no score) and `undefined` (which metrics the
    test fold does not define, and why): dvc shows and diffs strings, and drops null.
    """
    rows = metrics[(metrics["variant"] == FULL) & metrics["class"].isin(HEADLINE)]
    rows = rows[rows["metric"].isin(BOARD)]
    board: dict[str, dict[str, Entry]] = {}
    for task in scores.tasks:
        for recipe in scores.recipes:
            if (task, recipe) in scores.skipped:
                entry: Entry = {"skipped": scores.skipped[task, recipe]}
            else:
                entry = _entry(rows[(rows["task"] == task) & (rows["recipe"] == recipe)], small)
            board.setdefault(task, {})[recipe] = entry
    return board


def _entry(rows: pd.DataFrame, small: int | None) -> Entry:
    found: Entry = {}
    undefined: dict[str, list[str]] = {}
    for row in rows.to_dict("records"):
        if np.isfinite(row["value"]):
            found[row["metric"]] = round(float(row["value"]), DECIMALS)
        elif row["reason"]:
            undefined.setdefault(row["reason"], []).append(row["metric"])
    if not found and not undefined:
        return {"skipped": f"fewer than {small} patients of one class"}
    if undefined:
        found["undefined"] = "; ".join(
            f"{', '.join(names)}: {why}" for why, names in undefined.items()
        )
    return found


def as_text(
    recipes: Sequence[str], metrics: pd.DataFrame, board: Mapping[str, Mapping[str, Entry]]
) -> str:
    """Task by recipe: AUROC with its interval, AUPRC; `recipes` in their order, ceilings last.

    metrics: plots/metrics.csv; board: metrics/leaderboard.json.
    """
    mine = metrics[(metrics["variant"] == FULL) & metrics["class"].isin(HEADLINE)]
    mine = mine[mine["metric"] == "auroc"]
    rows = {(row["task"], row["recipe"]): row for row in mine.to_dict("records")}
    ceilings = [name for name in CEILINGS if name in recipes]
    ranked = [name for name in recipes if name not in CEILINGS]
    width = max(len(name) for name in recipes) + 4
    lines: list[str] = []
    for task in in_order(board):
        own = [row for (name, _), row in rows.items() if name == task]
        size = f"{own[0]['n']} samples of {own[0]['n_patients']} patients" if own else ""
        lines += [f"{task}  {size}".rstrip(), f"  {'':{width}}{'AUROC [95 % interval]':24}AUPRC"]
        for recipe in (*ranked, *ceilings):
            name = f"{recipe} *" if recipe in ceilings else recipe
            text = _numbers(board[task][recipe], rows.get((task, recipe), {}))
            lines.append(f"  {name:{width}}{text}".rstrip())
        lines.append("")
    if ceilings:
        lines += [
            "* ceiling of the synthetic source: the true risk (oracle), and what the recorded",
            "  data let a model attain (attainable); not ranked",
        ]
    return "\n".join(lines).rstrip()


def _numbers(entry: Mapping[str, Any], auroc: Mapping[Hashable, Any]) -> str:
    if "skipped" in entry:
        return f"skipped: {entry['skipped']}"
    if "auroc" not in entry:
        return f"undefined: {entry.get('undefined', 'few patients of one class')}"
    interval = f"{auroc['value']:.3f} [{auroc['low']:.3f}, {auroc['high']:.3f}]"
    return f"{interval:24}{entry['auprc']:.3f}"


def ceiling_warnings(ceiling: pd.DataFrame) -> list[str]:
    """One line for each model that stands above what is attainable."""
    return [
        f"warning: {row.recipe} is above attainable on {row.task}: {row.metric} "
        f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]; "
        "a fault in the generator or a leak"
        for row in ceiling[ceiling["verdict"] == "above"].itertuples()
    ]
