"""This source beside others: the demo measured by the same code, and published figures."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pandas as pd

from fusehr.tables.card.measures import described

HERE = Path(__file__).parent

DEMO = "MIMIC-IV demo 2.2 (100 patients), measured by this code"
COLUMNS = [
    *("group", "name", "title", "unit", "this_source", "n"),
    *("reference", "reference_n", "reference_source", "large"),
]
# A difference counts as large where a reader would see it in a figure and chance does not make it.
SHARE_GAP, SMALL_SHARE_GAP, SHARE_RATIO = 0.05, 0.02, 1.5
QUANTITY_RATIO = 4 / 3
STANDARD_ERRORS = 2.0


def references() -> pd.DataFrame:
    """name, reference, reference_n, reference_source: what there is to compare with.

    The demo's figures are those of mimic4_demo.csv, which a test recomputes from the demo's files.
    They were measured on a copy whose bedside chart was rebuilt and has numbers alone, so that what
    nurses chart in words, the capillary refill, is absent there.
    """
    demo = pd.read_csv(HERE / "mimic4_demo.csv").assign(source=DEMO)
    published = pd.read_csv(HERE / "published.csv")
    both = pd.concat([demo, published], ignore_index=True)[["name", "value", "n", "source"]]
    both["n"] = both["n"].astype("Int64")
    return both.rename(
        columns={"value": "reference", "n": "reference_n", "source": "reference_source"}
    )


def compare(measures: pd.DataFrame, source: str) -> pd.DataFrame:
    """COLUMNS: a row for every measure and reference of it; without one, the reference is empty.

    measures: as measures.measure gives them. What only the reference has is left out, and so is
    the demo where it is the source itself.
    """
    known = described()
    order = {name: place for place, name in enumerate(measures["name"])}
    others = references()
    if source == "mimic4_demo":
        others = others[others["reference_source"] != DEMO]
    found = (
        measures.rename(columns={"value": "this_source"})
        .merge(known, on="name", how="left")
        .merge(others, on="name", how="left")
    )
    # a kind of note that is not listed in measures.csv
    found["group"] = found["group"].fillna("Amounts")
    found["title"] = found["title"].fillna(found["name"])
    found["unit"] = found["unit"].fillna("mean number per visit")
    found["large"] = [_is_large(row) for _, row in found.iterrows()]
    found["place"] = found["name"].map(order)
    return found.sort_values(["place", "reference_source"], kind="stable")[COLUMNS].reset_index(
        drop=True
    )


def _is_large(row: pd.Series) -> bool:
    mine, other = (float(str(row[key])) for key in ("this_source", "reference"))
    if not (np.isfinite(mine) and np.isfinite(other)):
        return False
    if not str(row["unit"]).startswith("share"):
        return max(mine, other) > QUANTITY_RATIO * min(mine, other)
    gap = abs(mine - other)
    error = 0.0
    for share, n in ((mine, row["n"]), (other, row["reference_n"])):
        if not pd.isna(n):  # type: ignore[arg-type]
            error += share * (1 - share) / float(str(n))
    if gap <= STANDARD_ERRORS * error**0.5:
        return False
    apart = max(mine, other) > SHARE_RATIO * min(mine, other)
    return gap >= SHARE_GAP or (gap >= SMALL_SHARE_GAP and apart)


def explained(comparison: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """(why, names of the rows it is about) of the synthetic source, in the order of the rows.

    Rows with a large difference, and those that are so on purpose. A row that no sentence of
    explanations.csv fits comes under the empty sentence.
    """
    sentences = pd.read_csv(HERE / "explanations.csv")
    found: dict[str, list[str]] = {}
    large = set(comparison.loc[comparison["large"], "name"])
    for name in dict.fromkeys(comparison["name"]):
        fitting = [row for row in sentences.to_dict("records") if _fits(name, str(row["rows"]))]
        if name in large or any(row["always"] == "yes" for row in fitting):
            # the first that fits is the most particular
            found.setdefault(str(fitting[0]["why"]) if fitting else "", []).append(name)
    return list(found.items())


def _fits(name: str, patterns: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns.split())
