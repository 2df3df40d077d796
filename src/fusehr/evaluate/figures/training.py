"""Training curves: loss on train patients and the metric on validation patients, epoch by epoch."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from fusehr.core.figure_style import QUIET, drawing
from fusehr.evaluate.figures.style import TITLES, legend, lines, plain
from fusehr.evaluate.gather import Scores

COLUMNS = ["task", "seed", "epoch", "train_loss", "val_metric"]


def draw_training(path: Path, scores: Scores, curves: pd.DataFrame) -> None:
    """curves: COLUMNS and `recipe`; one line a seed. Without rows the picture says so."""
    with drawing(path, size=(11.0, 4.2)) as figure:
        if curves.empty:
            figure.text(0.5, 0.5, "No recipe was trained in epochs.", ha="center", color=QUIET)
            return
        style = lines(scores.recipes)
        trained = [recipe for recipe in scores.recipes if recipe in set(curves["recipe"])]
        tasks = [task for task in scores.tasks if task in set(curves["task"])]
        axes = figure.subplots(2, len(tasks), sharex="col", squeeze=False)
        for column, task in enumerate(tasks):
            axes[0, column].set_title(TITLES.get(task, task))
            axes[1, column].set_xlabel("Epoch")
            axes[1, column].xaxis.set_major_locator(MaxNLocator(4, integer=True))
            for recipe in trained:
                line = style[recipe]
                mine = curves[(curves["task"] == task) & (curves["recipe"] == recipe)]
                for _, part in mine.groupby("seed"):
                    for row, name in enumerate(("train_loss", "val_metric")):
                        axes[row, column].plot(
                            part["epoch"],
                            part[name],
                            color=line.colour,
                            ls=line.dashes,
                            lw=1.2,
                            label=plain(recipe),
                        )
        axes[0, 0].set_ylabel("Train loss")
        axes[1, 0].set_ylabel("Validation metric")
        legend(figure, list(axes.ravel()), trained)
