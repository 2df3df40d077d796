"""Decision curves from plots/net_benefit.csv: net benefit of acting above a threshold."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fusehr.core.figure_style import QUIET, drawing
from fusehr.core.frame.tasks import in_order
from fusehr.evaluate.figures.style import legend, lines, panels, plain
from fusehr.evaluate.gather import CEILINGS
from fusehr.evaluate.outputs import FULL, HEADLINE

SIZE = (9.5, 6.4)


def draw_decision_curves(path: Path, net_benefit: pd.DataFrame, recipes: list[str]) -> None:
    """Recalibrated probabilities; grey: acting on everyone, and on no one (zero)."""
    mine = net_benefit[
        (net_benefit["variant"] == FULL)
        & net_benefit["class"].isin(HEADLINE)
        & (net_benefit["probabilities"] == "recalibrated")
    ]
    columns = ["threshold", "net_benefit", "treat_all"]
    mine = mine.assign(**{name: pd.to_numeric(mine[name], errors="coerce") for name in columns})
    style, tasks = lines(recipes), in_order(mine["task"])
    with drawing(path, size=SIZE) as figure:
        axes, spare = panels(figure, tasks)
        for task, axis in axes.items():
            own = mine[mine["task"] == task].sort_values("threshold")
            everyone = own.dropna(subset=["treat_all"]).drop_duplicates("threshold")
            axis.axhline(0, color=QUIET, lw=0.8, zorder=0)
            axis.plot(everyone["threshold"], everyone["treat_all"], color=QUIET, lw=0.8, zorder=0)
            for recipe in recipes:
                part = own[own["recipe"] == recipe]
                line = style[recipe]
                if len(part):
                    axis.plot(
                        part["threshold"],
                        part["net_benefit"],
                        color=line.colour,
                        ls=line.dashes,
                        lw=line.width,
                        marker=line.marker,
                        ms=3.5,
                        label=plain(recipe),
                        zorder=1 if recipe in CEILINGS else 2,
                    )
            axis.set_xticks(sorted(set(own["threshold"])))
            axis.set_xlabel("Threshold probability")
            axis.set_ylabel("Net benefit")
        legend(spare, list(axes.values()), recipes)
