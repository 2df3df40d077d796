"""One look for all pictures: safe for colour-blind readers, readable in grey, the same bytes twice.

Recipes differ in colour and in line style, so that either alone tells them apart. Colours are those
of Okabe and Ito (Color Universal Design, 2008) without the yellow, which white paper swallows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fusehr.core.frame.files import output_file
from fusehr.evaluate.gather import CEILINGS

INK, QUIET, RULE = "#1a1a1a", "#6b6b6b", "#d9d9d9"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
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

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.4,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
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


@contextmanager
def drawing(path: Path, *, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure of `size` inches in the house style, saved to `path` when the block ends.

    Whatever matplotlibrc the host has is set aside; the PNG carries no date or version.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)  # type: ignore[call-overload]
        figure = Figure(figsize=size, dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        with output_file(path) as partial:
            figure.savefig(partial, format="png", metadata={"Software": None})


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
