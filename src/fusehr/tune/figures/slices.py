"""Slices: the score of the trials against each parameter alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fusehr.core.figure_style import BLUE, QUIET, VERMILION, drawing
from fusehr.tune.figures.scale import Scale, metric_label, short_names
from fusehr.tune.space import Space

COLUMNS = 4


def draw_slices(path: Path, space: Space, table: pd.DataFrame) -> None:
    """table: of trials_table. The best trial stands out; those without a score are ticks below."""
    metric, paths = space.params.metric, sorted(space.domains)
    names = short_names(paths)
    complete, ended = table[table["state"] == "complete"], table[table["state"] != "complete"]
    best = table.loc[[complete[metric].idxmax()]]
    across = min(COLUMNS, len(paths))
    down = -(-len(paths) // across)
    with drawing(path, size=(0.8 + 2.3 * across, 0.5 + 2.4 * down)) as figure:
        grid = figure.subplots(down, across, sharey=True, squeeze=False)
        for spare in grid.ravel()[len(paths) :]:
            spare.set_axis_off()
        for axis, one in zip(grid.ravel(), paths, strict=False):
            scale = Scale(space.domains[one])
            for rows, colour, size in ((complete, BLUE, 4), (best, VERMILION, 6)):
                axis.plot(rows[one].map(scale.at), rows[metric], "o", color=colour, ms=size)
            axis.plot(
                ended[one].map(scale.at).astype(float),
                [0.02] * len(ended),
                "|",
                transform=axis.get_xaxis_transform(),
                color=QUIET,
                ms=7,
            )
            axis.set_xticks(*scale.ticks())
            axis.set_xlim(-0.08, 1.08)
            axis.set_xlabel(names[one] + scale.label)
        for row in grid:
            row[0].set_ylabel(metric_label(metric))
        figure.suptitle(
            f"{space.name.replace('_', ' ')}: best trial in red, pruned ones as ticks",
            x=0.01,
            ha="left",
            size=9.5,
            weight="bold",
        )
