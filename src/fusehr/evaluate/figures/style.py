"""How recipes and tasks look in pictures: the same in all of them.

Recipes differ in colour and in line style, so that either alone tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fusehr.core.figure_style import COLOURS, QUIET
from fusehr.evaluate.gather import CEILINGS

DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P")
CEILING_DASHES: dict[str, Any] = {"attainable": (0, (4, 2)), "oracle": (0, (1, 1.5))}

TITLES = {
    "mortality": "Mortality",
    "readmission": "Readmission",
    "deterioration": "Deterioration",
    "next_diagnoses": "Next diagnoses",
    "triage": "Triage",
}
METRICS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "min_p_se": "min(+P, Se)",
    "brier": "Brier score",
    "f1_weighted": "Weighted F1",
}


@dataclass(frozen=True)
class Line:
    """How one recipe is drawn."""

    colour: str
    dashes: Any
    width: float
    marker: str


def lines(recipes: Sequence[str]) -> dict[str, Line]:
    """A style for each recipe, from its place in the given order; ceilings are thin and grey."""
    found: dict[str, Line] = {}
    ranked = [recipe for recipe in recipes if recipe not in CEILINGS]
    for place, recipe in enumerate(ranked):
        # Seven colours against four dashes: 28 recipes before a pair comes twice.
        found[recipe] = Line(
            COLOURS[place % len(COLOURS)],
            DASHES[place % len(DASHES)],
            1.4,
            MARKERS[place % len(MARKERS)],
        )
    for recipe in recipes:
        if recipe in CEILINGS:
            found[recipe] = Line(QUIET, CEILING_DASHES[recipe], 1.1, "")
    return found


def plain(recipe: str) -> str:
    """A recipe's name as text in a picture."""
    return recipe.replace("_", " ")


def panels(figure: Figure, tasks: Sequence[str]) -> tuple[dict[str, Axes], Axes]:
    """One panel a task in rows of three, and one more, left empty, for the legend."""
    rows = (len(tasks) + 1 + 2) // 3
    grid = figure.subplots(rows, 3, squeeze=False).ravel()
    for spare in grid[len(tasks) :]:
        spare.set_axis_off()
    axes = dict(zip(tasks, grid, strict=False))
    for task, axis in axes.items():
        axis.set_title(TITLES.get(task, task))
    return axes, grid[len(tasks)]


def share_ranges(axes: Sequence[Axes], metrics: Sequence[str]) -> None:
    """Panels of one metric share its range, so that lengths compare across tasks."""
    for metric in sorted(set(metrics)):
        own = [axis for axis, of in zip(axes, metrics, strict=True) if of == metric]
        ends = [end for axis in own for end in axis.dataLim.intervalx if np.isfinite(end)]
        if ends:
            pad = 0.08 * max(max(ends) - min(ends), 0.01)
            for axis in own:
                axis.set_xlim(min(ends) - pad, max(ends) + pad)


def legend(axis: Axes | Figure, source: Sequence[Axes], recipes: Sequence[str]) -> None:
    """One legend for all panels, in the order of `recipes`, naming only what was drawn.

    It fills an empty panel, or stands below all panels where a figure is given.
    """
    handles = {}
    for panel in source:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    order = [plain(recipe) for recipe in recipes if plain(recipe) in handles]
    shown = [handles[name] for name in order]
    if isinstance(axis, Figure):
        axis.legend(
            shown, order, loc="outside lower center", ncols=min(8, len(order)), handlelength=3.4
        )
    else:
        axis.legend(shown, order, loc="center left", handlelength=3.4)
