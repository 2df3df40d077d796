"""Students as a picture: values above, paired differences to the baseline below."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fusehr.core.figure_style import BLACK, BLUE, GREEN, PURPLE, QUIET, RULE, VERMILION, drawing
from fusehr.core.params.distill import BASELINE
from fusehr.evaluate.figures.style import TITLES as TASK_TITLES
from fusehr.evaluate.figures.style import plain, share_ranges
from fusehr.evaluate.students.claims import TITLES
from fusehr.evaluate.students.gaps import MINUS
from fusehr.evaluate.students.names import COPY, TEACHER

ROW = 0.27  # inches

# Colour and marker each tell the parts apart; students are the rest.
LOOKS = {
    TEACHER: (BLACK, "D"),
    BASELINE: (VERMILION, "s"),
    "smoothed": (GREEN, "^"),
    "permuted": (GREEN, "^"),
    COPY: (PURPLE, "v"),
}
OTHERS = (BLUE, "o")


def draw_students(path: Path, students: pd.DataFrame) -> None:
    """One column a task and metric, dots with 95 % intervals; without values the picture says so.

    students: the table of gaps.py.
    """
    shown = students[students["value"].notna()]
    names = list(dict.fromkeys(shown["student"]))
    panels = list(dict.fromkeys(zip(shown["task"], shown["metric"], strict=True)))
    height = 1.9 + 2 * ROW * max(4, len(names))
    with drawing(path, size=(max(5.5, 2.2 + 2.2 * len(panels)), height)) as figure:
        if not panels:
            figure.text(0.5, 0.5, "No student was scored.", ha="center", color=QUIET)
            return
        axes = figure.subplots(2, len(panels), sharey=True, squeeze=False)
        for column, (task, metric) in enumerate(panels):
            part = shown[(shown["task"] == task) & (shown["metric"] == metric)]
            above, below = axes[:, column]
            above.set_title(TASK_TITLES.get(task, task))
            above.set_xlabel(TITLES[metric])
            _dots(above, part, names, ("value", "low", "high"))
            below.set_xlabel(f"less {BASELINE}")
            below.axvline(0, color=QUIET, lw=1, zorder=0)
            compared = part[part[MINUS].notna()]
            _dots(below, compared, names, (MINUS, f"{MINUS}_low", f"{MINUS}_high"))
        share_ranges(list(axes[1]), [metric for _, metric in panels])
        axes[0, 0].set_yticks(range(len(names)), [plain(name) for name in names])
        axes[0, 0].set_ylim(len(names) - 0.4, -0.6)


def _dots(axis: Axes, rows: pd.DataFrame, names: list[str], of: tuple[str, str, str]) -> None:
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    across = axis.get_yaxis_transform()
    axis.hlines(range(len(names)), 0, 1, transform=across, color=RULE, lw=0.6, zorder=0)
    axis.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    for row in rows.to_dict("records"):
        place, (colour, marker) = names.index(row["student"]), LOOKS.get(row["student"], OTHERS)
        value, low, high = (row[name] for name in of)
        # Wide and pale, so that an interval narrower than its dot still shows.
        axis.plot([low, high], [place, place], color=colour, lw=4.5, alpha=0.35)
        axis.plot(value, place, marker, color=colour, ms=4, zorder=3)
