"""Optimisation history: the score of each trial, and the best so far."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from fusehr.core.figure_style import BLUE, QUIET, VERMILION, drawing
from fusehr.tune.figures.scale import metric_label
from fusehr.tune.space import Space


def draw_history(path: Path, space: Space, table: pd.DataFrame) -> None:
    """table: of trials_table. Trials without a score are ticks at the foot."""
    metric = space.params.metric
    complete, ended = table[table["state"] == "complete"], table[table["state"] != "complete"]
    with drawing(path, size=(6.4, 3.4)) as figure:
        axis = figure.subplots()
        axis.step(
            table["trial"], table["best_so_far"], where="post", color=VERMILION, label="best so far"
        )
        axis.plot(complete["trial"], complete[metric], "o", color=BLUE, ms=4, label="complete")
        if len(ended):
            axis.plot(
                *(ended["trial"], [0.02] * len(ended)),
                "|",
                transform=axis.get_xaxis_transform(),
                color=QUIET,
                ms=8,
                label="pruned",
            )
        if space.holds_defaults and table["state"].iloc[0] == "complete":
            axis.plot(
                *(table["trial"].iloc[0], table[metric].iloc[0]),
                "s",
                mfc="white",
                mec=BLUE,
                ms=6,
                label="default parameters",
            )
        axis.set_title(f"{space.name.replace('_', ' ')}: history of the search")
        axis.set_xlabel("Trial")
        axis.set_ylabel(metric_label(metric))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(loc="outside lower center", ncols=4)
