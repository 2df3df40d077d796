"""Parallel coordinates: each trial a line through its values, darker where it scored better."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from fusehr.core.figure_style import QUIET, RULE, drawing
from fusehr.tune.figures.scale import Scale, metric_label, short_names
from fusehr.tune.space import Space

# Even in lightness for every kind of colour vision; its pale end would vanish on white paper.
COLOURS = "cividis_r"
PALEST = 0.15


def draw_parallel(path: Path, space: Space, table: pd.DataFrame) -> None:
    """table: of trials_table. Trials without a score are dashed, and end at the last parameter."""
    metric, paths = space.params.metric, sorted(space.domains)
    names = short_names(paths)
    scales = {one: Scale(space.domains[one]) for one in paths}
    scores = table[metric].dropna()
    low, high = float(scores.min()), float(scores.max())
    shade = Normalize(low - PALEST * (high - low or 1.0), high)
    colours = matplotlib.colormaps[COLOURS]
    with drawing(path, size=(1.6 + 1.35 * len(paths), 3.6)) as figure:
        axis = figure.subplots()
        for place in range(len(paths) + 1):
            axis.axvline(place, color=RULE, lw=0.8, zorder=0)
        for row in table.sort_values(metric, na_position="first").to_dict("records"):
            heights = [scales[one].at(row[one]) for one in paths]
            if row["state"] == "complete":
                heights.append((row[metric] - low) / (high - low) if high > low else 0.5)
                axis.plot(heights, color=colours(shade(row[metric])), lw=1.3)
            else:
                axis.plot(heights, color=QUIET, lw=0.7, ls=(0, (4, 2)), alpha=0.6, zorder=1)
        for place, one in enumerate(paths):
            for height, text in zip(*scales[one].ticks(), strict=True):
                _tick(axis, place, height, text)
        for height, value in ((0.0, low), (1.0, high)) if high > low else ((0.5, low),):
            _tick(axis, len(paths), height, f"{value:.3f}")
        titles = [names[one] + scales[one].label for one in paths]
        axis.set_xticks(range(len(paths) + 1), [*titles, metric_label(metric)])
        axis.set_xlim(-0.3, len(paths) + 0.45)
        axis.set_yticks([])
        axis.spines[["left", "bottom"]].set_visible(False)
        axis.tick_params(axis="x", length=0)
        axis.set_title(f"{space.name.replace('_', ' ')}: trials, the darker the better")


def _tick(axis: Axes, place: int, height: float, text: str) -> None:
    axis.annotate(
        text,
        (place, height),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        size=7,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
        zorder=5,
    )
