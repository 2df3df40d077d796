"""Panels of one stay: its series with marks of all that else was known, a note, chest images."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fusehr.core.figure_style import BLUE, GREEN, INK, PURPLE, QUIET, RULE, VERMILION
from fusehr.tables.card.example import Example
from fusehr.tables.card.picture.style import LEFT, RIGHT, lettered, says

# Strips from top to bottom: label, then (code, short name, colour, dashes) of each line.
STRIPS = (
    ("mmHg", (("sbp", "systolic", BLUE, "-"), ("mbp", "mean", BLUE, (0, (1.2, 1.2))))),
    (
        "per min",
        (
            ("heart_rate", "heart rate", VERMILION, "-"),
            ("respiratory_rate", "respiratory rate", GREEN, (0, (5, 1.5))),
        ),
    ),
    ("SpO$_2$, %", (("spo2", "SpO$_2$", PURPLE, "-"),)),
)
NOTE_MARKS = {
    "complaint": "x",
    "triage_nursing": "v",
    "nursing": "o",
    "progress": "s",
    "radiology": "D",
    "discharge": "P",
}
SUPPORTS = {"vasopressor": "Vasopressor", "ventilation": "Ventilation"}
LINES, WIDTH = 17, 84  # of the excerpt


def draw_series(axes: Sequence[Axes], stay: Example) -> None:
    """axes: one for each of STRIPS, from the top, and the last for the marks."""
    lettered(
        axes[0], "a", "One stay: hourly series, and what else was known when", left=LEFT, pad=18
    )
    for axis, (label, lines) in zip(axes, STRIPS, strict=False):
        for code, name, colour, dashes in lines:
            hours, values = _hourly(stay.values, code)
            axis.plot(hours, values, color=colour, ls=dashes, lw=1.2, marker=".", ms=3, label=name)
        axis.set_ylabel(label)
        if len(lines) > 1:
            axis.legend(
                loc="upper left",
                bbox_to_anchor=(1.0, 1.0),
                handlelength=2.2,
                fontsize=7.5,
                borderaxespad=0.2,
            )
        axis.tick_params(labelbottom=False)
    _marks(axes[-1], stay)
    for axis in axes:
        axis.set_xlim(stay.start, stay.stop)
        axis.axvspan(stay.index, stay.stop, color="#efefef", lw=0, zorder=0)
        axis.axvline(stay.index, color=INK, lw=1.1, zorder=1)
        axis.axvline(0, color=QUIET, lw=0.8, ls=(0, (3, 2)), zorder=1)
        axis.set_xticks(np.arange(np.ceil(stay.start / 12) * 12, stay.stop + 1, 12))
    above = axes[0].get_xaxis_transform()
    for hour, text, side in (
        (0, "ICU admission", "center"),
        (stay.index, "index of mortality: nothing later is seen", "right"),
    ):
        axes[0].text(
            hour,
            1.02,
            text,
            transform=above,
            ha=side,
            va="bottom",
            size=7.5,
            color=QUIET if hour == 0 else INK,
        )
    axes[-1].set_xlabel("Hours since admission to the intensive care unit")


def _hourly(values: pd.DataFrame, code: str) -> tuple[np.ndarray, np.ndarray]:
    """Last value of each hour, as recipes see it, at the hour's middle, parted at gaps over 3 h."""
    mine = values[values["code"] == code]
    last = mine.groupby(np.floor(mine["hours"]))["value"].last()
    hours = last.index.to_numpy(float) + 0.5
    gaps = np.flatnonzero(np.diff(hours) > 3) + 1
    return np.insert(hours, gaps, np.nan), np.insert(last.to_numpy(float), gaps, np.nan)


def _marks(axis: Axes, stay: Example) -> None:
    lanes: list[str] = []
    for support, runs in stay.supports.items():
        if support not in SUPPORTS:
            continue
        for begin, end in runs:
            axis.barh(len(lanes), end - begin, left=begin, height=0.5, color=QUIET)
        lanes.append(SUPPORTS[support])
    axis.plot(stay.drugs["hours"], np.full(len(stay.drugs), len(lanes)), "|", color=INK, ms=7)
    lanes.append("Drug orders")
    axis.plot(
        *(stay.images["hours"], np.full(len(stay.images), len(lanes)), "s"),
        color=BLUE,
        ms=6,
        clip_on=False,
    )
    lanes.append("Chest images")
    for kind, mine in stay.notes.groupby("code", sort=True):
        axis.plot(
            *(mine["hours"], np.full(len(mine), len(lanes)), NOTE_MARKS.get(str(kind), "*")),
            color=VERMILION,
            mec=VERMILION,
            mfc="white",
            ms=5,
            label=str(kind).replace("_", " "),
        )
    lanes.append("Notes")
    axis.set_yticks(range(len(lanes)), lanes)
    axis.set_ylim(-0.6, len(lanes) - 0.4)
    axis.hlines(range(len(lanes)), 0, 1, transform=axis.get_yaxis_transform(), color=RULE, lw=0.5)
    axis.tick_params(axis="y", length=0)
    if len(stay.notes):
        axis.legend(
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            fontsize=7.5,
            handlelength=1.0,
            borderaxespad=0.2,
            title="Notes",
            title_fontsize=7.5,
            alignment="left",
        )


def has_texts_or_images(stay: Example) -> bool:
    """Whether panels b and c have anything to show."""
    return stay.note is not None or stay.image is not None or bool(stay.others)


def draw_note(axis: Axes, stay: Example) -> None:
    """An excerpt, wrapped, with where it was cut."""
    if stay.note is None:
        lettered(axis, "b", "A note of that stay", left=LEFT)
        says(axis, "The stay has no note that was known at its index.")
        return
    kind, hour, text = stay.note
    name = kind.replace("_", " ")
    lettered(axis, "b", f"A {name} note of that stay, hour {hour:.0f}", left=LEFT)
    axis.set_axis_off()
    axis.text(
        0,
        0.99,
        excerpt(text),
        transform=axis.transAxes,
        va="top",
        family="DejaVu Sans Mono",
        size=7.2,
        linespacing=1.25,
        # a note may hold dollar signs
        parse_math=False,
    )


def excerpt(text: str) -> str:
    """The first LINES lines of `text`, wrapped at WIDTH; an ellipsis where more follows."""
    lines: list[str] = []
    for part in text.strip().splitlines():
        lines += textwrap.wrap(part, WIDTH) or [""]
    return "\n".join(lines[:LINES] + (["[...]"] if len(lines) > LINES else []))


def draw_images(first: Axes, strip: Sequence[Axes], stay: Example) -> None:
    """The stay's own image, large, and those of others."""
    when = "" if stay.image_hour is None else f" of hour {stay.image_hour:.0f}"
    others = f", and {len(stay.others)} of other patients" if stay.others else ""
    lettered(first, "c", f"Its chest image{when}{others}", left=RIGHT)
    if stay.image is None and not stay.others:
        says(first, "The source has no images.")
    elif stay.image is None:
        says(first, "The stay has no image.")
    else:
        _picture(first, stay.image)
    for place, axis in enumerate(strip):
        if place < len(stay.others):
            _picture(axis, stay.others[place])
        else:
            axis.set_axis_off()


def _picture(axis: Axes, pixels: np.ndarray) -> None:
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)
