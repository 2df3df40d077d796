"""Panels of the whole cohort: phenotypes, what is measured when, how frequent labels are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from fusehr.core.figure_style import INK, RULE, VERMILION
from fusehr.core.frame.tasks import POSITIVE, TASKS, TRIAGE_CLASSES
from fusehr.tables.card.comparison import DEMO
from fusehr.tables.card.picture.style import LEFT, PALE, RIGHT, lettered, says

SHORT = {
    "Chronic obstructive pulmonary disease and bronchiectasis": "COPD and bronchiectasis",
    "Complications of surgical procedures or medical care": "Complications of care",
    "Congestive heart failure; nonhypertensive": "Congestive heart failure",
    "Coronary atherosclerosis and other heart disease": "Coronary atherosclerosis",
    "Hypertension with complications and secondary hypertension": "Hypertension, complicated",
    "Pneumonia (except that caused by tuberculosis or sexually transmitted disease)": "Pneumonia",
    "Respiratory failure; insufficiency; arrest (adult)": "Respiratory failure",
    "Septicemia (except in labor)": "Septicemia",
    "Pleurisy; pneumothorax; pulmonary collapse": "Pleurisy; pneumothorax; collapse",
    "Diabetes mellitus without complication": "Diabetes without complication",
    "Diabetes mellitus with complications": "Diabetes with complications",
    "Acute and unspecified renal failure": "Acute renal failure",
}
TITLES = {
    "mortality": "Mortality",
    "readmission": "Readmission",
    "deterioration": "Deterioration",
    "next_diagnoses": "Next diagnoses",
    "triage": "Triage",
}


def draw_phenotypes(axis: Axes, comparison: pd.DataFrame) -> None:
    """Bars of this source, most frequent on top, with marks of the references."""
    lettered(axis, "d", "Phenotypes among ICU visits", left=LEFT)
    mine = comparison[comparison["name"].str.startswith("phenotype/")]
    if mine.empty:
        says(axis, "No phenotype to show.")
        return
    shares = mine.drop_duplicates("name").sort_values("this_source", kind="stable")
    place = {name: k for k, name in enumerate(shares["name"])}
    axis.barh(
        range(len(shares)), shares["this_source"], height=0.62, color=PALE, label="this source"
    )
    demo = mine["reference_source"] == DEMO
    for rows, mark, colour, name in (
        (mine[~demo & mine["reference"].notna()], "D", INK, "MIMIC-III, published"),
        (mine[demo], "o", VERMILION, "MIMIC-IV demo, 100 patients"),
    ):
        if rows.empty:
            continue
        axis.plot(
            *(rows["reference"], rows["name"].map(place), mark),
            color=colour,
            mfc="white" if mark == "o" else colour,
            ms=4,
            label=name,
        )
    axis.set_yticks(
        range(len(shares)), [SHORT.get(str(t), str(t)) for t in shares["title"]], size=7
    )
    axis.set_ylim(-0.7, len(shares) - 0.3)
    axis.tick_params(axis="y", length=0)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    axis.legend(*_bars_first(axis), loc="lower right", fontsize=7.5)


def _bars_first(axis: Axes) -> tuple[list[Any], list[str]]:
    handles, names = axis.get_legend_handles_labels()
    return handles[-1:] + handles[:-1], names[-1:] + names[:-1]


def draw_presence(axis: Axes, scale: Axes, by_hour: pd.DataFrame, figure: Figure) -> None:
    """Heat strip: variables by hours. by_hour: code, hour, share (nan: hidden)."""
    lettered(axis, "e", "Share of ICU stays with a value, by hour", left=RIGHT)
    wide = by_hour.pivot(index="code", columns="hour", values="share")
    wide = wide.loc[list(dict.fromkeys(by_hour["code"]))]
    if wide.empty:
        says(axis, "No stay to show.")
        scale.set_axis_off()
        return
    picture = axis.pcolormesh(
        np.arange(wide.shape[1] + 1),
        np.arange(len(wide) + 1),
        wide.to_numpy(float),
        cmap="Blues",
        # laboratory values are rare; on a linear scale they would all be white
        norm=PowerNorm(0.5, vmin=0, vmax=1),
        linewidth=0,
    )
    axis.set_yticks(np.arange(len(wide)) + 0.5, [c.replace("_", " ") for c in wide.index], size=6.5)
    axis.tick_params(axis="y", length=0)
    axis.invert_yaxis()
    axis.set_xticks(range(0, wide.shape[1] + 1, 12))
    hidden = bool(wide.isna().any(axis=None))
    if hidden:
        axis.patch.set(hatch="//////", edgecolor=RULE)
    axis.set_xlabel("Hour of the stay; hatched: hidden" if hidden else "Hour of the stay")
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)
    bar = figure.colorbar(picture, cax=scale, ticks=[0, 0.05, 0.2, 0.5, 1])
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.yaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    bar.ax.tick_params(length=0, labelsize=7)


def draw_labels(axis: Axes, labels: pd.DataFrame) -> None:
    """Prevalence of each task's labels: a dot a fold, a bar over all folds."""
    lettered(axis, "f", "Prevalence of the labels", left=LEFT)
    names, rows = _label_rows(labels)
    if not names:
        says(axis, "No samples.")
        return
    for place, part in enumerate(rows):
        whole = part["positive"].sum() / part["samples"].sum()
        axis.barh(place, whole, height=0.62, color=PALE)
        shares = part["positive"] / part["samples"]
        axis.plot(shares, np.full(len(part), place), "|", color=INK, ms=8, mew=1.2)
        axis.annotate(
            f"{100 * whole:.1f} %",
            (max(whole, shares.max()), place),
            (4, 0),
            textcoords="offset points",
            va="center",
            size=7,
        )
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.3, -0.7)
    axis.tick_params(axis="y", length=0)
    axis.set_xlim(0, 1.12 * axis.get_xlim()[1])
    axis.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    axis.set_xlabel("Bar: all samples; strokes: folds")


def _label_rows(labels: pd.DataFrame) -> tuple[list[str], list[pd.DataFrame]]:
    """One row a task, for triage one a class; counts of next_diagnoses are summed over labels."""
    names: list[str] = []
    rows: list[pd.DataFrame] = []
    for task in TASKS:
        mine = labels[labels["task"] == task]
        if task == "triage":
            chosen = [(f"Triage: {name}", name) for name in TRIAGE_CLASSES]
        else:
            chosen = [(TITLES[task], POSITIVE)]
        for title, name in chosen:
            part = mine[mine["class"] == name]
            if task == "next_diagnoses":
                # the mean is over whole labels: of one that is hidden in a fold, no fold counts
                hidden = set(mine.loc[mine["positive"].isna(), "class"])
                part = mine[~mine["class"].isin(hidden)]
                title = f"Next diagnoses (mean of {part['class'].nunique()})"
            if part.empty or part["positive"].isna().any():
                continue
            counts = part.groupby("fold", sort=True)[["positive", "samples"]].sum()
            names.append(title)
            rows.append(counts.astype(float).reset_index())
    return names, rows
