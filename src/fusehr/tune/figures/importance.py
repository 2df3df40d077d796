"""Importance of parameters as bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fusehr.core.figure_style import BLUE, QUIET, drawing
from fusehr.tune.figures.scale import short_names


def draw_importance(path: Path, weights: Mapping[str, float]) -> None:
    """weights: share by path, the largest first; without any the picture says so."""
    with drawing(path, size=(5.2, 0.9 + 0.36 * max(3, len(weights)))) as figure:
        if not weights:
            figure.text(0.5, 0.5, "No two scores to tell apart.", ha="center", color=QUIET)
            return
        axis = figure.subplots()
        names = short_names(list(weights))
        places = range(len(weights))
        axis.barh(places, list(weights.values()), color=BLUE, height=0.6)
        for place, share in zip(places, weights.values(), strict=True):
            axis.annotate(
                f"{share:.2f}",
                (share, place),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                size=7.5,
            )
        axis.set_yticks(places, [names[one] for one in weights])
        axis.set_ylim(len(weights) - 0.4, -0.6)
        axis.set_xlim(0, 1.1 * max(weights.values()))
        axis.tick_params(axis="y", length=0)
        axis.set_title("Importance of parameters")
        axis.set_xlabel("Share of the scores' variance (fANOVA, complete trials)")
