"""The leaderboard as a picture: value and 95 % interval of each recipe, one panel a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fusehr.core.figure_style import INK, QUIET, RULE, drawing
from fusehr.evaluate.figures.style import CEILING_DASHES, METRICS, TITLES, plain, share_ranges
from fusehr.evaluate.gather import CEILINGS, Scores
from fusehr.evaluate.outputs import FULL, HEADLINE
from fusehr.evaluate.pairs import LOWER_IS_BETTER

ROW = 0.31  # inches
BAND = "#8ab8d8"


class Row(NamedTuple):
    """A recipe's value on a task's primary metric; only defined ones are kept."""

    value: float
    low: float
    high: float


Found = Mapping[tuple[str, str], Row]  # (task, recipe)


def draw_board(
    path: Path, scores: Scores, metrics: pd.DataFrame, *, primary: Mapping[str, str]
) -> None:
    """Each task on its primary metric; the best recipe on average stands on top of every panel."""
    found = _rows(metrics, primary)
    recipes = _by_mean_rank(scores, found, primary)
    height = 1.05 + ROW * max(3, len(recipes))
    with drawing(path, size=(11.0, height)) as figure:
        axes = figure.subplots(1, len(scores.tasks), sharey=True, squeeze=False)[0]
        for axis, task in zip(axes, scores.tasks, strict=True):
            _panel(axis, task, recipes, found, scores)
            axis.set_xlabel(METRICS.get(primary[task], primary[task]))
        share_ranges(axes, [primary[task] for task in scores.tasks])
        axes[0].set_yticks(range(len(recipes)), [plain(recipe) for recipe in recipes])
        axes[0].set_ylim(len(recipes) - 0.4, -0.6)


def _rows(metrics: pd.DataFrame, primary: Mapping[str, str]) -> Found:
    mine = metrics[(metrics["variant"] == FULL) & metrics["class"].isin(HEADLINE)]
    return {
        (row["task"], row["recipe"]): Row(row["value"], row["low"], row["high"])
        for row in mine.to_dict("records")
        if row["metric"] == primary[row["task"]] and np.isfinite(row["value"])
    }


def _panel(axis: Axes, task: str, recipes: Sequence[str], found: Found, scores: Scores) -> None:
    axis.set_title(TITLES.get(task, task), pad=16)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    across = axis.get_yaxis_transform()
    axis.hlines(range(len(recipes)), 0, 1, transform=across, color=RULE, lw=0.6)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for place, recipe in enumerate(recipes):
        if (task, recipe) not in found:
            text = "skipped" if (task, recipe) in scores.skipped else "no value"
            axis.text(
                0.5,
                place,
                text,
                transform=across,
                ha="center",
                va="center",
                bbox=paper,
                color=QUIET,
                style="italic",
                size=7.5,
            )
            continue
        row = found[task, recipe]
        # Wide and pale, so that an interval narrower than its dot still shows.
        axis.plot([row.low, row.high], [place, place], color=BAND, lw=5, solid_capstyle="butt")
        axis.plot(row.value, place, "o", color=INK, ms=3.6, zorder=3)
        axis.annotate(
            f"{row.value:.3f}",
            (row.value, place),
            xytext=(0, 4.5),
            textcoords="offset points",
            bbox=paper,
            size=6.5,
            ha="center",
            va="bottom",
        )
    _ceilings(axis, task, found)
    axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _ceilings(axis: Axes, task: str, found: Found) -> None:
    """Lines with their names above the panel, the names kept apart."""
    names = [name for name in CEILINGS if (task, name) in found]
    names.sort(key=lambda name: found[task, name].value)
    for side, name in zip(("right", "left"), names, strict=False):
        value = found[task, name].value
        axis.axvline(value, color=QUIET, lw=1.1, ls=CEILING_DASHES[name], zorder=1)
        axis.annotate(
            plain(name),
            (value, 1.0),
            (-2 if side == "right" else 2, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha=side,
            va="bottom",
            size=7,
            color=QUIET,
        )


def _by_mean_rank(scores: Scores, found: Found, primary: Mapping[str, str]) -> list[str]:
    """Best first: by the mean of the recipe's ranks in the tasks that it has a value for."""
    ranks: dict[str, list[float]] = {recipe: [] for recipe in scores.ranked}
    for task in scores.tasks:
        values = pd.Series({r: found[task, r].value for r in scores.ranked if (task, r) in found})
        ascending = primary[task] in LOWER_IS_BETTER
        for recipe, rank in values.rank(ascending=ascending).items():
            ranks[str(recipe)].append(float(rank))
    place = {name: float(np.mean(own)) if own else np.inf for name, own in ranks.items()}
    return sorted(scores.ranked, key=lambda name: (place[name], scores.ranked.index(name)))
