"""The table of defects as a page to read: plots/defects.md."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fusehr.core.params.defects import DefectsParams

MISSING = "-"
TITLE = """# Published shortcuts, and what is left without them

Each shortcut was found in one of the five systems that this project has as recipes. It is shown by
itself, beside its repair and under a name that says so, wherever possible on labels that the inputs
cannot tell of: Expected is what a sound evaluation gives there. No number here is a system's score,
and nothing is ranked.
"""


def page(frame: pd.DataFrame, params: DefectsParams) -> str:
    """Markdown; frame: as report.table gives it, a published row before its repaired one."""
    sections = [_section(rows) for _, rows in frame.groupby("defect", sort=False)]
    closing = (
        f"Intervals are 95 % percentile intervals of {params.bootstrap_draws:,} bootstrap draws of "
        f"patients, all with seed {params.seed} and from one fit. A number without an interval is "
        "exact for the random weights drawn.\n"
    )
    return "\n".join([TITLE, *sections, closing])


def _section(rows: pd.DataFrame) -> str:
    """One defect: what either version does, and a line for each number."""
    published, repaired = (rows[rows["version"] == name] for name in ("published", "repaired"))
    first, second = published.iloc[0], repaired.iloc[0]
    lines = [
        f"| {_sentence(a['data'])} | {_sentence(a['metric'])} | {a['expected'] or MISSING} "
        f"| {_cell(a)} | {_cell(b)} |"
        for (_, a), (_, b) in zip(published.iterrows(), repaired.iterrows(), strict=True)
    ]
    return "\n".join(
        [
            f"## {first['system']}: {first['defect']}",
            "",
            f"| Data | Metric | Expected | Published: `{first['recipe']}` "
            f"| Repaired: `{second['recipe']}` |",
            "|---|---|---|---|---|",
            *lines,
            "",
            *_said(published, "Published"),
            *_said(repaired, "Repaired"),
            "",
        ]
    )


def _said(rows: pd.DataFrame, version: str) -> list[str]:
    """What the version does, or why a number of it is missing; each once."""
    return [f"- {version}: {note}." for note in rows["note"].unique()]


def _cell(row: Any) -> str:
    if pd.isna(row["value"]):
        return MISSING
    n = f"n = {row['n']:,}"
    if pd.isna(row["low"]):
        return f"{row['value']:.4f} ({n})"
    people = f"{row['n_patients']:,} patients"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] ({n}, {people})"


def _sentence(text: str) -> str:
    return (text[0].upper() + text[1:]).replace("Auroc", "AUROC").replace(" auroc", " AUROC")
