"""The one stay that the page shows, chosen the same way on every run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fusehr.tables.database import read_sql, run_sql, set_variables

AROUND = 12  # hours shown before admission to the unit and after the index
STRIP = 8  # images of other patients

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Example:
    """One stay. Hours count from admission to the unit.

    index: of the task of mortality; start, stop: first and last hour shown. values: code, hours,
    value (of dynamic); supports: name -> (begin, end) of each run; notes: code, hours, text, known
    (readable by the index); drugs: hours; images: hours, pixel_row. image: (size, size) the last
    image before the index and image_hour its hour, or None; others: images of other patients.
    """

    index: float
    start: float
    stop: float
    values: pd.DataFrame
    supports: dict[str, list[tuple[float, float]]]
    notes: pd.DataFrame
    drugs: pd.DataFrame
    images: pd.DataFrame
    image: Pixels | None
    image_hour: float | None
    others: list[Pixels]

    @property
    def note(self) -> tuple[str, float, str] | None:
        """Kind, hour and text of the last nursing note known at the index, else of any note."""
        known = self.notes[self.notes["known"].astype(bool)]
        nursing = known[known["code"] == "nursing"]
        chosen = nursing if len(nursing) else known
        if chosen.empty:
            return None
        last = chosen.iloc[-1]
        return str(last["code"]), float(last["hours"]), str(last["text"])


def example(con: duckdb.DuckDBPyConnection, tables: Path) -> Example | None:
    """The stay to show of the source behind `con`, or None where no stay lasted to its index."""
    set_variables(con, {"hours_around": AROUND, "images_in_strip": STRIP})
    run_sql(con, "card/example_stay.sql")
    found = con.execute("FROM shown_stay").df()
    if found.empty:
        return None
    stay = found.iloc[0]
    index, start, stop = (_hours(stay, f"{name}_time") for name in ("index", "start", "end"))
    images = _part(con, "example_images")
    seen = images[(images["hours"] <= index) & images["pixel_row"].notna()]
    pixels = np.load(tables / "images.npy", mmap_mode="r")
    return Example(
        index=index,
        start=start,
        stop=stop,
        values=_part(con, "example_values"),
        supports=_runs(_part(con, "example_supports"), start, stop),
        notes=_part(con, "example_notes"),
        drugs=_part(con, "example_drugs"),
        images=images,
        image=np.array(pixels[int(seen["pixel_row"].iloc[-1])]) if len(seen) else None,
        image_hour=float(seen["hours"].iloc[-1]) if len(seen) else None,
        others=[np.array(pixels[int(row)]) for row in _part(con, "example_others")["pixel_row"]],
    )


def _part(con: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    return con.execute(read_sql(f"card/{name}.sql")).df()


def _hours(stay: pd.Series, column: str) -> float:
    return (stay[column] - stay["intime"]).total_seconds() / 3600


def _runs(acts: pd.DataFrame, start: float, stop: float) -> dict[str, list[tuple[float, float]]]:
    """Begin and end of each run, cut to what is shown: an end without a start began before."""
    found: dict[str, list[tuple[float, float]]] = {}
    for support, mine in acts.groupby("support", sort=True):
        begin: float | None = None if (mine["act"].iloc[0] == "start") else start
        runs = found.setdefault(str(support), [])
        for act, hour in zip(mine["act"], mine["hours"], strict=True):
            if act == "start":
                begin = float(hour) if begin is None else begin
            elif begin is not None:
                runs.append((begin, float(hour)))
                begin = None
        if begin is not None:
            runs.append((begin, stop))
    return found
