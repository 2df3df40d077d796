"""The files of a MEDS dataset as the relations of a source of patients and their events.

Columns beyond the standard's that are used where a file has them, as fusehr's own exports do:
available_time, availability, visit_id, note_id.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
from meds import data_subdirectory, subject_splits_filepath

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.meds_files import FOLDER, LABELS, SETTINGS, Settings
from fusehr.core.mimic_files import listed_file, listed_files
from fusehr.tables.database import run_sql, set_variables

VISIT_COLUMN = "visit_id"
OWN = {"available_time": "TIMESTAMP", "availability": "VARCHAR", "note_id": "VARCHAR"}


def read_meds(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Create source_visits, source_values and source_candidates, fill source_notes.

    See events.build. Raises InputError where a column is of another type, a label's subject is
    unknown or has two labels at a time.
    """
    settings = Settings(**read_json(raw / FOLDER / SETTINGS))
    _note_codes(con, settings)
    _attach_data(con, raw, settings)
    _attach_splits(con, raw)
    _attach_labels(con, raw, settings)
    for name in ("visits", "values", "candidates"):
        run_sql(con, f"meds/{name}.sql")


def _note_codes(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create note_codes (pattern, kind); a code of two kinds is of the one named first."""
    con.execute("CREATE TABLE note_codes (place INTEGER, pattern VARCHAR, kind VARCHAR)")
    rows = [(pattern, kind) for kind, patterns in settings.notes.items() for pattern in patterns]
    if rows:
        con.executemany(
            "INSERT INTO note_codes VALUES (?, ?, ?)",
            [(place, *row) for place, row in enumerate(rows)],
        )


def _attach_data(con: duckdb.DuckDBPyConnection, raw: Path, settings: Settings) -> None:
    """Create the views meds_rows and, by the part that each row plays, meds_parts."""
    shards = listed_files(f"{FOLDER}/{data_subdirectory}/*.parquet", raw)
    con.read_parquet([str(path) for path in shards], union_by_name=True).create_view("meds_files")
    found = con.view("meds_files")
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    visit = settings.visit_column or VISIT_COLUMN
    if settings.visit_column and visit not in types:
        raise InputError(
            f"params.yaml: raw.meds.visit_column: expected a column of the data, one of "
            f"{', '.join(types)}; found {visit}"
        )
    own = [_own(name, kind, types) for name, kind in OWN.items()]
    con.execute(
        f"""
        CREATE VIEW meds_rows AS
        SELECT
            subject_id::BIGINT AS subject_id,
            time::TIMESTAMP AS time,
            code::VARCHAR AS code,
            {_number(types)} AS value,
            {"text_value::VARCHAR" if "text_value" in types else "NULL::VARCHAR"} AS text,
            {_visit_id(con, visit, types)} AS visit_id,
            {", ".join(own)}
        FROM meds_files
        """
    )
    set_variables(
        con,
        {
            "long_text_characters": settings.long_text_characters,
            "long_text_kind": settings.long_text_kind,
        },
    )
    run_sql(con, "meds/parts.sql")


def _number(types: dict[str, str]) -> str:
    """36.6 as float32 is 36.599998: the shortest decimal that is the same float32 is meant."""
    if "numeric_value" not in types:
        return "NULL::DOUBLE"
    if types["numeric_value"] == "FLOAT":
        return "numeric_value::VARCHAR::DOUBLE"
    return "numeric_value::DOUBLE"


def _visit_id(con: duckdb.DuckDBPyConnection, column: str, types: dict[str, str]) -> str:
    if column not in types:
        return "NULL::BIGINT"
    number = f'try_cast("{column}" AS BIGINT)'
    unfit = con.execute(
        f'SELECT count(*) FROM meds_files WHERE "{column}" IS NOT NULL AND {number} IS NULL'
    ).fetchone()
    if unfit and unfit[0]:
        raise InputError(
            f"{FOLDER}/{data_subdirectory}: column {column}: expected whole numbers, found "
            f"something else in {unfit[0]} rows"
        )
    return number


def _own(name: str, kind: str, types: dict[str, str]) -> str:
    if name not in types:
        return f"NULL::{kind} AS {name}"
    if not types[name].startswith(kind):
        raise InputError(
            f"{FOLDER}/{data_subdirectory}: column {name}: expected {kind}, found {types[name]}"
        )
    return f"{name}::{kind} AS {name}"


def _attach_splits(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Create meds_folds (subject_id, fold); empty where no subject is held out to be tested on."""
    given = "SELECT NULL::BIGINT AS subject_id, NULL::VARCHAR AS split WHERE false"
    for path in listed_files(f"{FOLDER}/{subject_splits_filepath}", raw):
        con.from_parquet(str(path)).create_view("given_splits")
        given = "FROM given_splits"
    con.execute(
        f"""
        CREATE TABLE meds_folds AS
        SELECT
            subject_id,
            CASE split WHEN 'train' THEN 'train' WHEN 'tuning' THEN 'val' ELSE 'test' END AS fold
        FROM ({given})
        WHERE (SELECT bool_or(split = 'held_out') FROM ({given}))
        """
    )


def _attach_labels(con: duckdb.DuckDBPyConnection, raw: Path, settings: Settings) -> None:
    """Create meds_labels (task, class, subject_id, prediction_time, boolean_value)."""
    con.execute(
        "CREATE TABLE meds_labels (task VARCHAR, class VARCHAR, subject_id BIGINT, "
        "prediction_time TIMESTAMP, boolean_value BOOLEAN)"
    )
    for name, files in settings.labels.items():
        task, _, part = name.partition("/")
        paths = [str(listed_file(f"{FOLDER}/{LABELS}/{file}", raw)) for file in files]
        con.execute(
            "INSERT INTO meds_labels SELECT ?, ?, subject_id, prediction_time, boolean_value "
            "FROM read_parquet(?, union_by_name = true)",
            [task, part or "positive", paths],
        )
        _refuse(
            con,
            f"{LABELS}/{files[0]}: column subject_id: expected subjects that the data have",
            "FROM meds_labels WHERE task = ? AND class = ? AND subject_id NOT IN "
            "(SELECT subject_id FROM meds_rows)",
            [task, part or "positive"],
        )
        _refuse(
            con,
            f"{LABELS}/{files[0]}: column prediction_time: expected one label of a subject at a "
            "time",
            "FROM (SELECT subject_id FROM meds_labels WHERE task = ? AND class = ? "
            "GROUP BY subject_id, prediction_time HAVING count(*) > 1)",
            [task, part or "positive"],
        )


def _refuse(con: duckdb.DuckDBPyConnection, expected: str, broken: str, values: list[str]) -> None:
    found = con.execute(f"SELECT count(*), min(subject_id) {broken}", values).fetchone()
    if found and found[0]:
        raise InputError(f"{expected}, found {found[0]} others, the first of subject {found[1]}")
