"""What the tables hold, counted for the card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from fusehr.core.frame.schemas import TABLES
from fusehr.core.frame.tasks import TASKS, TRIAGE_CLASSES
from fusehr.tables.database import read_sql

ARRAYS = ("images.npy", "image_pool.npy")


@dataclass(frozen=True)
class Contents:
    """Counts of one source. Frames are as the SQL files of the same names give them.

    rows: rows of each table; shapes: shape of each array of pixels; folds: patients in each fold.
    """

    cohort: dict[str, int]
    folds: dict[str, int]
    rows: dict[str, int]
    shapes: dict[str, tuple[int, ...]]
    labels: pd.DataFrame
    notes: pd.DataFrame
    images: dict[str, int]
    drugs: dict[str, int]
    relations: pd.DataFrame
    nodes: pd.DataFrame
    availability: pd.DataFrame


def count(con: duckdb.DuckDBPyConnection, tables: Path) -> Contents:
    """Counts of the source behind `con` (see source.open_source) in the folder `tables`."""
    folds = _frame(con, "folds")
    return Contents(
        cohort=_row(con, "cohort"),
        folds=dict(zip(folds["fold"].astype(str), folds["patients"].astype(int), strict=True)),
        rows={schema.name: _rows(con, schema.name) for schema in TABLES},
        shapes={name: np.load(tables / name, mmap_mode="r").shape for name in ARRAYS},
        labels=labels(con),
        notes=_frame(con, "notes"),
        images=_row(con, "images"),
        drugs=_row(con, "drugs"),
        relations=_frame(con, "graph"),
        nodes=_frame(con, "graph_nodes"),
        availability=_frame(con, "availability"),
    )


def labels(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """labels.sql with `prevalence` (positive / samples), by task, class and fold."""
    found = _frame(con, "labels")
    found["prevalence"] = found["positive"] / found["samples"]
    found["positive"] = found["positive"].astype("Int64")
    # tasks and urgencies in their own order, all else by name
    order = [*TASKS, *TRIAGE_CLASSES]
    place = {name: f"{k:02}" for k, name in enumerate(order)}
    return found.sort_values(
        ["task", "class", "fold"], key=lambda names: names.replace(place)
    ).reset_index(drop=True)


def _frame(con: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    return con.execute(read_sql(f"card/{name}.sql")).df()


def _row(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
    """The one row of a query by column; null counts as 0."""
    found = _frame(con, name).iloc[0]
    return {str(key): 0 if pd.isna(n) else int(n) for key, n in found.items()}


def _rows(con: duckdb.DuckDBPyConnection, table: str) -> int:
    ((n,),) = con.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(n)
