"""One table with a row a case, as BiA has it: indicators, a narrative, a label.

A .csv or .xlsx file, which the environment variable FUSEHR_FLAT names; where it lies differs from
host to host and is therefore written nowhere. Rows are cases of one patient where a column says so,
else each is a patient of its own. A row without a time is told on a fictitious day.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from fusehr.core.flat_files import CELLS, FOLDER, ROWS, SETTINGS, Settings
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json, write_parquet
from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import POSITIVE
from fusehr.core.mimic_files import FileEntry, named_file
from fusehr.core.params.raw import FlatParams
from fusehr.core.stock_text import STOCK_TEXT
from fusehr.raw.case_table import DAY, CaseTable, days
from fusehr.raw.flat_columns import cells_of
from fusehr.raw.flat_table import read_table
from fusehr.raw.manifest import complete_events
from fusehr.raw.restricted_remote import refuse_default_remote
from fusehr.raw.same_content import joined_by

VARIABLE = "FUSEHR_FLAT"


def write(folder: Path, params: FlatParams, remote: str) -> list[FileEntry]:
    """Write the table's rows and cells into `folder` and return the entries of all files.

    Raises InputError naming the column where one is missing, a row has no label, a time is none, or
    two rows of a patient have the same one; and where restricted data could reach the default
    remote.
    """
    if params.restricted:
        refuse_default_remote(remote)
    shown = f"${VARIABLE}"
    cells = read_table(named_file(VARIABLE, "a .csv or .xlsx file"), shown)
    table = CaseTable(cells, shown, "raw.flat")
    named = {name: getattr(params, name) for name in ("label", "text", "id", "time", "age", "sex")}
    named |= {f"variables.{name}": column for name, column in params.variables.items()}
    table.expect_columns(named)
    classes, of_row = _labels(table.given("label", params.label), params)
    rows = pd.DataFrame(
        {
            "row": cells.index,
            "patient_id": table.patients(params.id),
            "time": table.times(params.time) if params.time else DAY,
            "age": table.ages(params.age),
            "sex": table.texts(params.sex),
            "text": table.texts(params.text),
            "classes": of_row,
        }
    )
    _expect_one_row_a_time(rows, params)
    rows = _joined(rows, params)
    own = folder / FOLDER
    own.mkdir()
    write_parquet(own / "rows.parquet", rows, ROWS)
    write_parquet(own / "cells.parquet", _cells(cells, params), CELLS)
    settings = Settings(task=params.task, classes=classes, note_kind=params.note_kind)
    write_json(own / SETTINGS, asdict(settings))
    return complete_events(folder)


def _labels(column: pd.Series, params: FlatParams) -> tuple[list[str], list[list[str]]]:
    """All classes, and those that each row has."""
    number = pd.to_numeric(column, errors="coerce")
    if (number % 1 == 0).all():  # 1.0 is 1
        column = number.astype("int64").astype(str)
    found = sorted(column.unique())
    positive = "1" if params.positive is None and set(found) <= {"0", "1"} else params.positive
    if positive is not None:
        if positive not in found:
            raise InputError(
                f"${VARIABLE}: column {column.name}: expected {positive} "
                f"(raw.flat.positive) in a row, found none"
            )
        return [POSITIVE], [[POSITIVE] if value == positive else [] for value in column]
    return found, [[value] for value in column]


def _joined(rows: pd.DataFrame, params: FlatParams) -> pd.DataFrame:
    """Patients with the same text as one, which no split parts; stock texts join nobody."""
    texts = rows["text"].where(rows["text"].str.len() > STOCK_TEXT)
    patients = joined_by(rows["patient_id"], texts)
    if fewer := rows["patient_id"].nunique() - patients.nunique():
        say(f"raw: {fewer} patients share a text with another and count as the same")
    rows = rows.assign(patient_id=patients)
    if not params.time:
        rows["time"] = days(patients)
    _expect_one_row_a_time(rows, params)
    return rows


def _expect_one_row_a_time(rows: pd.DataFrame, params: FlatParams) -> None:
    twice = rows["row"][rows.duplicated(["patient_id", "time"])]
    if len(twice):
        raise InputError(
            f"${VARIABLE}: column {params.time or params.id}: expected one row of a patient (or of "
            f"patients who share a text) at a time, found row {twice.iloc[0]} beside another; "
            "raw.flat.time names the column of times"
        )


def _cells(table: pd.DataFrame, params: FlatParams) -> pd.DataFrame:
    taken = {params.label, params.text, params.id, params.time, params.age, params.sex}
    names = {column: name for name, column in params.variables.items()}
    parts = [
        cells_of(names.get(column, column), table[column], most_categories=params.most_categories)
        for column in map(str, table.columns)
        if column not in taken
    ]
    if not parts:
        return pd.DataFrame({column.name: [] for column in CELLS.columns})
    return pd.concat(parts, ignore_index=True)
