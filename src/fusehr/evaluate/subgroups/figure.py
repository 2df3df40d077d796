"""How far each group of patients is behind the whole test fold: a panel a task, a dot a recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from fusehr.core.figure_style import COLOURS, QUIET, RULE, drawing
from fusehr.evaluate.figures.style import MARKERS, METRICS, TITLES, legend, plain, share_ranges
from fusehr.evaluate.subgroups.groups import ADMISSION_TYPE, AGE, SEX

HEADS = {AGE: "Age", SEX: "Sex", ADMISSION_TYPE: "Admission"}
ROW = 0.4  # inches


def draw_subgroups(path: Path, table: pd.DataFrame) -> None:
    """Gap and 95 % interval; right of the line the group is worse than all test patients.

    table: of performance.table, all tasks. Groups without a value on any task are not drawn; a
    table without values gives a picture that says so.
    """
    shown = table[table["gap"].notna()]
    recipes = list(dict.fromkeys(shown["recipe"]))
    # in the table's order, which is that of ages and not of the alphabet
    order = table[["attribute", "group"]].drop_duplicates().itertuples(index=False)
    rows = [tuple(row) for row in order]
    rows = [row for row in rows if row in set(zip(shown["attribute"], shown["group"], strict=True))]
    rows.sort(key=lambda row: list(HEADS).index(row[0]))
    with drawing(path, size=(11.0, 1.4 + ROW * max(3, len(rows)))) as figure:
        if shown.empty:
            text = "No group of patients is large enough."
            figure.text(0.5, 0.5, text, ha="center", color=QUIET)
            return
        tasks = list(dict.fromkeys(shown["task"]))
        metrics = [shown.loc[shown["task"] == task, "metric"].iloc[0] for task in tasks]
        axes = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
        for axis, task, metric in zip(axes, tasks, metrics, strict=True):
            axis.set_title(TITLES.get(task, task))
            axis.set_xlabel(f"{METRICS.get(metric, metric)} behind all")
            axis.axvline(0, color=QUIET, lw=0.8, zorder=0)
            axis.tick_params(axis="y", length=0)
            axis.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
            for k, recipe in enumerate(recipes):
                part = shown[(shown["task"] == task) & (shown["recipe"] == recipe)]
                shift = 0.76 * ((k + 0.5) / len(recipes) - 0.5)
                places = zip(part["attribute"], part["group"], strict=True)
                heights = [rows.index(place) + shift for place in places]
                colour, marker = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
                ends = part["gap_low"], part["gap_high"]
                axis.hlines(heights, *ends, color=colour, lw=1.2, alpha=0.45)
                axis.plot(part["gap"], heights, marker, color=colour, ms=3, label=plain(recipe))
            across = axis.get_yaxis_transform()
            for i in np.arange(1, len(rows)):
                bold = rows[i][0] != rows[i - 1][0]
                axis.hlines(
                    i - 0.5,
                    0,
                    1,
                    transform=across,
                    color=QUIET if bold else RULE,
                    lw=0.9 if bold else 0.5,
                )
        share_ranges(axes, metrics)
        axes[0].set_yticks(range(len(rows)), [_label(*row) for row in rows])
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        legend(figure, list(axes), recipes)


def _label(attribute: str, group: str) -> str:
    return group if attribute == ADMISSION_TYPE else f"{HEADS[attribute]} {group}"
