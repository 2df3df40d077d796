"""One page: a stay above, the cohort below; of a restricted source the cohort alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fusehr.core.figure_style import QUIET, drawing
from fusehr.tables.card.example import STRIP, Example
from fusehr.tables.card.picture.cohort import draw_labels, draw_phenotypes, draw_presence
from fusehr.tables.card.picture.stay import (
    STRIPS,
    draw_images,
    draw_note,
    draw_series,
    has_texts_or_images,
)
from fusehr.tables.card.picture.style import LEFT, RIGHT, says

WIDTH = 11.0  # inches
HEAD, SERIES, TEXTS, COHORT = 0.7, 4.9, 3.1, 6.9  # heights in inches


def draw_page(
    path: Path,
    *,
    title: str,
    notice: str,
    stay: Example | None,
    with_stay: bool,
    comparison: pd.DataFrame,
    by_hour: pd.DataFrame,
    labels: pd.DataFrame,
) -> None:
    """Write the page to `path`.

    with_stay: whether panels of one patient may be drawn; without them `notice` says why. stay:
    the one to show, or None where there is none. comparison, labels: see page.card; by_hour: code,
    hour, share.
    """
    texts = stay is not None and has_texts_or_images(stay)
    height = HEAD + COHORT + (SERIES if with_stay else 0.0) + (TEXTS if texts else 0.0)
    with drawing(path, size=(WIDTH, height), layout=None) as figure:
        figure.text(LEFT, 1 - 0.22 / height, title, va="top", size=13, weight="bold")
        figure.text(LEFT, 1 - 0.47 / height, notice, va="top", size=8.5, color=QUIET)
        if with_stay:
            _series(figure, height, stay)
        if stay is not None and texts:
            _texts(figure, height, stay)
        _cohort(figure, height, comparison, by_hour, labels)


def _series(figure: Figure, height: float, stay: Example | None) -> None:
    top, bottom = height - HEAD - 0.5, height - HEAD - 4.4
    if stay is None:
        axis = figure.add_axes((0.1, bottom / height, 0.8, (top - bottom) / height))
        says(axis, "No stay lasted to the index of mortality, so none is shown.")
        return
    grid = figure.add_gridspec(
        *(len(STRIPS) + 1, 1),
        left=0.095,
        right=0.87,
        top=top / height,
        bottom=bottom / height,
        height_ratios=[1.25, 1.25, 0.8, 1.3],
        hspace=0.12,
    )
    draw_series([figure.add_subplot(grid[k]) for k in range(len(STRIPS) + 1)], stay)


def _texts(figure: Figure, height: float, stay: Example) -> None:
    """Panel b to the left; panel c to the right: a large image, and two columns of small ones."""
    size, gap, rows = 2.6, 0.06, STRIP // 2  # inches
    low = COHORT + 0.25
    top = low + size
    draw_note(figure.add_axes((LEFT, low / height, 0.5, size / height)), stay)
    left = RIGHT * WIDTH
    image = figure.add_axes((left / WIDTH, low / height, size / WIDTH, size / height))
    small = (size - (rows - 1) * gap) / rows
    strip = []
    for k in range(STRIP):
        x = left + size + 0.12 + (k % 2) * (small + gap)
        y = top - small - (k // 2) * (small + gap)
        strip.append(figure.add_axes((x / WIDTH, y / height, small / WIDTH, small / height)))
    draw_images(image, strip, stay)


def _cohort(
    figure: Figure,
    height: float,
    comparison: pd.DataFrame,
    by_hour: pd.DataFrame,
    labels: pd.DataFrame,
) -> None:
    def box(
        left: float, bottom: float, width: float, tall: float
    ) -> tuple[float, float, float, float]:
        return (left, bottom / height, width, tall / height)

    phenotypes = figure.add_axes(box(0.205, 2.65, 0.295, 3.9))
    draw_phenotypes(phenotypes, comparison)
    frequent = figure.add_axes(box(0.205, 0.55, 0.295, 1.45))
    draw_labels(frequent, labels)
    measured = figure.add_axes(box(0.635, 0.55, 0.285, 6.0))
    scale = figure.add_axes(box(0.93, 4.05, 0.012, 2.5))
    draw_presence(measured, scale, by_hour, figure)
