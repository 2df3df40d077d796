"""How the stage `raw` leaves a flat table in data/raw: typed, its columns named by what they are.

rows.parquet: row (number in the file, the header being 1), patient_id, time, age, sex, text, label.
cells.parquet: row, code, value, reason (why the cell is no value, or null).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from fusehr.core.frame.schemas import FLOAT, INT, TEXT, TIME, Column, Table
from fusehr.core.frame.tasks import Task

FOLDER = "flat"
SETTINGS = "settings.json"

ROWS = Table(
    "rows",
    (
        Column("row", INT),
        Column("patient_id", INT),
        Column("time", TIME),
        Column("age", FLOAT, null=True),
        Column("sex", TEXT, null=True),
        Column("text", TEXT, null=True),
        Column("classes", pa.list_(pa.string()), doc="classes of the label that the row has"),
    ),
    sort=("row",),
    unique=("row",),
)
CELLS = Table(
    "cells",
    (
        Column("row", INT),
        Column("code", TEXT),
        Column("value", FLOAT, null=True),
        Column("reason", TEXT, null=True),
    ),
    sort=("row", "code"),
)


@dataclass(frozen=True)
class Settings:
    """What of `raw.flat` the conversion needs. classes: of the label, all of them."""

    task: Task
    classes: list[str]
    note_kind: str
