"""The look of the card's page: that of the evaluation's pictures, on a page laid out by hand.

Colours are those of Okabe and Ito (Color Universal Design, 2008); whatever they tell apart differs
in shape or place too, so that the page can be read in grey.
"""

from __future__ import annotations

from matplotlib.axes import Axes

from fusehr.core.figure_style import QUIET, RC

PALE = "#8ab8d8"

LEFT, RIGHT = 0.035, 0.555  # where the page's two columns begin, as shares of its width


def lettered(axis: Axes, letter: str, title: str, *, left: float, pad: float = 6.0) -> None:
    """Title of a panel: its letter, then what it shows.

    It begins at `left` (share of the page's width), so that titles of a column stand below each
    other, `pad` points above the axis.
    """
    axis.annotate(
        f"{letter}  {title}",
        (left, 1.0),
        (0, pad),
        xycoords=("figure fraction", "axes fraction"),
        textcoords="offset points",
        size=RC["axes.titlesize"],
        weight="bold",
        va="bottom",
    )


def says(axis: Axes, text: str) -> None:
    """An empty panel that says why."""
    axis.set_axis_off()
    axis.text(
        0.5,
        0.5,
        text,
        transform=axis.transAxes,
        ha="center",
        va="center",
        color=QUIET,
        style="italic",
    )
