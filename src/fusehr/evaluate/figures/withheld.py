"""What withholding a source of inputs costs each recipe: one panel a task, one dot a source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from fusehr.core.figure_style import COLOURS, QUIET, RULE, drawing
from fusehr.evaluate.figures.style import MARKERS, METRICS, TITLES, legend, plain, share_ranges
from fusehr.evaluate.gather import Scores

ROW = 0.42  # inches


def draw_withheld(
    path: Path, scores: Scores, withheld: pd.DataFrame, *, primary: Mapping[str, str]
) -> None:
    """Difference and 95 % interval on the primary metric; without rows the picture says so.

    withheld: the table of withheld.py. On the right of the line the source helps, where a higher
    value is better.
    """
    recipes = [recipe for recipe in scores.ranked if recipe in set(withheld["recipe"])]
    sources = sorted(set(withheld["withheld"]))
    with drawing(path, size=(11.0, 1.4 + ROW * max(3, len(recipes)))) as figure:
        if withheld.empty:
            figure.text(
                0.5, 0.5, "No recipe was tested without a source.", ha="center", color=QUIET
            )
            return
        tasks = [task for task in scores.tasks if task in set(withheld["task"])]
        axes = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
        for axis, task in zip(axes, tasks, strict=True):
            axis.set_title(TITLES.get(task, task))
            metric = primary[task]
            axis.set_xlabel(f"Loss of {METRICS.get(metric, metric)}")
            axis.axvline(0, color=RULE, lw=1, zorder=0)
            axis.tick_params(axis="y", length=0)
            axis.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
            for k, source in enumerate(sources):
                part = withheld[(withheld["task"] == task) & (withheld["withheld"] == source)]
                shift = 0.7 * ((k + 0.5) / len(sources) - 0.5)
                rows = [recipes.index(recipe) + shift for recipe in part["recipe"]]
                colour, marker = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
                axis.hlines(rows, part["low"], part["high"], color=colour, lw=1.6, alpha=0.45)
                marker = MARKERS[k % len(MARKERS)]
                axis.plot(
                    part["difference"], rows, marker, color=colour, ms=3.8, label=plain(source)
                )
            between = np.arange(1, len(recipes)) - 0.5
            axis.hlines(between, 0, 1, transform=axis.get_yaxis_transform(), color=RULE, lw=0.6)
        share_ranges(axes, [primary[task] for task in tasks])
        axes[0].set_yticks(range(len(recipes)), [plain(recipe) for recipe in recipes])
        axes[0].set_ylim(len(recipes) - 0.4, -0.6)
        legend(figure, list(axes), sources)
