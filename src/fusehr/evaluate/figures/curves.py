"""ROC, precision-recall and calibration curves: one panel a task, one line a recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fusehr.core.figure_style import QUIET, RULE, drawing
from fusehr.evaluate.figures.style import legend, lines, panels, plain
from fusehr.evaluate.gather import CEILINGS, Scores
from fusehr.evaluate.outputs import FULL

SIZE = (9.5, 6.4)


def draw_roc(path: Path, scores: Scores, roc: pd.DataFrame) -> None:
    """Receiver operating characteristic on a grid of false-positive rates."""
    with drawing(path, size=SIZE) as figure:
        axes, spare = panels(figure, scores.tasks)
        for axis in axes.values():
            axis.plot([0, 1], [0, 1], color=RULE, lw=1, zorder=0)
        _draw(axes, scores, roc, "false_positive_rate", "sensitivity")
        for axis in axes.values():
            _unit(axis, "1 - specificity", "Sensitivity")
        legend(spare, list(axes.values()), scores.recipes)


def draw_pr(path: Path, scores: Scores, pr: pd.DataFrame, metrics: pd.DataFrame) -> None:
    """Precision against sensitivity; the grey line is the share of positives."""
    rates = metrics[metrics["class"].eq("positive") & metrics["metric"].eq("auprc")]
    with drawing(path, size=SIZE) as figure:
        axes, spare = panels(figure, scores.tasks)
        _draw(axes, scores, pr, "sensitivity", "precision")
        for task, axis in axes.items():
            row = rates[rates["task"] == task].head(1)
            positives = pd.to_numeric(row["n_positive"], errors="coerce")
            rate = (positives / pd.to_numeric(row["n"], errors="coerce")).to_numpy(float)
            if len(rate) and np.isfinite(rate[0]):
                axis.axhline(rate[0], color=RULE, lw=1, zorder=0)
            _unit(axis, "Sensitivity", "Precision")
        legend(spare, list(axes.values()), scores.recipes)


def draw_calibration(path: Path, scores: Scores, bins: pd.DataFrame) -> None:
    """Observed against predicted risk in bins of equal size, after recalibration."""
    mine = bins[bins["probabilities"] == "recalibrated"].dropna(subset=["observed"])
    mine = mine[~mine["recipe"].isin(CEILINGS)]  # calibrated by construction
    with drawing(path, size=SIZE) as figure:
        axes, spare = panels(figure, scores.tasks)
        _draw(axes, scores, mine, "predicted", "observed", marked=True)
        for axis in axes.values():
            top = max(0.05, axis.get_xlim()[1], axis.get_ylim()[1]) if axis.lines else 1.0
            axis.plot([0, 1], [0, 1], color=RULE, lw=1, zorder=0)
            axis.set(xlim=(0, top), ylim=(0, top), aspect="equal")
            axis.set_xlabel("Predicted risk")
            axis.set_ylabel("Observed share")
        legend(spare, list(axes.values()), scores.recipes)


def _draw(
    axes: dict[str, Axes],
    scores: Scores,
    frame: pd.DataFrame,
    x: str,
    y: str,
    *,
    marked: bool = False,
) -> None:
    style = lines(scores.recipes)
    full = frame[frame["variant"] == FULL]
    for task, axis in axes.items():
        for recipe in scores.recipes:
            part = full[(full["task"] == task) & (full["recipe"] == recipe)]
            if part.empty:
                continue
            line = style[recipe]
            axis.plot(
                part[x],
                part[y],
                color=line.colour,
                ls=line.dashes,
                lw=line.width,
                marker=line.marker if marked else "",
                ms=3.5,
                label=plain(recipe),
                zorder=1 if recipe in CEILINGS else 2,
            )
        if not axis.get_legend_handles_labels()[0]:
            axis.text(
                0.5,
                0.5,
                "no curve",
                ha="center",
                va="center",
                color=QUIET,
                style="italic",
                transform=axis.transAxes,
            )


def _unit(axis: Axes, x: str, y: str) -> None:
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", xlabel=x, ylabel=y)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
