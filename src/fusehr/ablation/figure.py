"""An ablation as a picture: a panel a task; dots with intervals, or curves over an axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fusehr.ablation.plan import Plan
from fusehr.core.figure_style import RULE, drawing
from fusehr.evaluate.figures.style import METRICS, TITLES, Line, legend, lines, plain

ROW = 0.36  # inches


def draw_ablation(path: Path, table: pd.DataFrame, plan: Plan) -> None:
    """Each task's first metric with 95 % intervals; table: of `ablation_table`."""
    rows = max(4, len(plan.variants) * (1 if plan.axis else len(plan.recipes)))
    size = (2.0 + 2.6 * len(plan.tasks), 3.4 if plan.axis else 1.4 + ROW * rows)
    styles = lines(plan.recipes)
    with drawing(path, size=size) as figure:
        axes = figure.subplots(1, len(plan.tasks), sharey=not plan.axis, squeeze=False)[0]
        for axis, task in zip(axes, plan.tasks, strict=True):
            part = table[table["task"] == task]
            metric = part["metric"].iloc[0]
            part = part[part["metric"] == metric]
            axis.set_title(TITLES.get(task, task))
            (_curves if plan.axis else _dots)(axis, part, plan, styles)
            label = METRICS.get(metric, metric)
            (axis.set_ylabel if plan.axis else axis.set_xlabel)(label)
        if len(plan.recipes) > 1:
            legend(figure, list(axes), plan.recipes)


def _curves(axis: Axes, part: pd.DataFrame, plan: Plan, styles: dict[str, Line]) -> None:
    axis.set_xscale("log")
    axis.set_xlabel(plan.axis)
    numbers = sorted(float(variant) for variant in plan.variants)
    axis.set_xticks(numbers, [f"{number:g}" for number in numbers], minor=False, rotation=45)
    axis.minorticks_off()
    for recipe in plan.recipes:
        own = part[(part["recipe"] == recipe) & part["value"].notna()]
        x, style = own["variant"].astype(float), styles[recipe]
        axis.fill_between(x, own["low"], own["high"], color=style.colour, alpha=0.12, lw=0)
        axis.plot(
            x,
            own["value"],
            color=style.colour,
            ls=style.dashes,
            marker=style.marker,
            ms=4,
            label=plain(recipe),
        )


def _dots(axis: Axes, part: pd.DataFrame, plan: Plan, styles: dict[str, Line]) -> None:
    variants = list(plan.variants)
    whole = part[part["variant"] == plan.against]["value"].dropna()
    if len(whole):
        axis.axvline(whole.iloc[0], color=RULE, lw=1, zorder=0)
    for k, recipe in enumerate(plan.recipes):
        own, style = part[part["recipe"] == recipe], styles[recipe]
        shift = 0.6 * ((k + 0.5) / len(plan.recipes) - 0.5)
        y = np.array([variants.index(variant) + shift for variant in own["variant"]])
        axis.hlines(y, own["low"], own["high"], color=style.colour, lw=1.6, alpha=0.45)
        axis.plot(own["value"], y, style.marker, color=style.colour, ms=4.2, label=plain(recipe))
    axis.set_yticks(range(len(variants)), variants)
    axis.set_ylim(len(variants) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
