"""MIMIC-IV's files as typed DuckDB views, and a clear error where a value does not fit its type."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import resolve
from fusehr.core.mimic_layout import CHEXPERT_FINDINGS, TABLES, MimicTable

# Types of the columns that the SQL files read; every other column is text.
TYPES: dict[str, dict[str, str]] = {
    "hosp/patients": {
        "subject_id": "BIGINT",
        "anchor_age": "INTEGER",
        "anchor_year": "INTEGER",
        "dod": "TIMESTAMP",
    },
    "hosp/admissions": {
        "subject_id": "BIGINT",
        "hadm_id": "BIGINT",
        "admittime": "TIMESTAMP",
        "dischtime": "TIMESTAMP",
        "deathtime": "TIMESTAMP",
        "edregtime": "TIMESTAMP",
        "hospital_expire_flag": "TINYINT",
    },
    "hosp/diagnoses_icd": {"subject_id": "BIGINT", "hadm_id": "BIGINT", "icd_version": "TINYINT"},
    "hosp/procedures_icd": {"subject_id": "BIGINT", "hadm_id": "BIGINT", "icd_version": "TINYINT"},
    "hosp/prescriptions": {
        "subject_id": "BIGINT",
        "hadm_id": "BIGINT",
        "starttime": "TIMESTAMP",
        "stoptime": "TIMESTAMP",
    },
    "hosp/labevents": {
        "subject_id": "BIGINT",
        "itemid": "INTEGER",
        "charttime": "TIMESTAMP",
        "storetime": "TIMESTAMP",
        "valuenum": "DOUBLE",
    },
    "hosp/microbiologyevents": {
        "subject_id": "BIGINT",
        "charttime": "TIMESTAMP",
        "storetime": "TIMESTAMP",
    },
    "icu/icustays": {
        "subject_id": "BIGINT",
        "hadm_id": "BIGINT",
        "stay_id": "BIGINT",
        "intime": "TIMESTAMP",
        "outtime": "TIMESTAMP",
    },
    "icu/chartevents": {
        "subject_id": "BIGINT",
        "stay_id": "BIGINT",
        "charttime": "TIMESTAMP",
        "storetime": "TIMESTAMP",
        "itemid": "INTEGER",
        "valuenum": "DOUBLE",
    },
    "icu/inputevents": {
        "subject_id": "BIGINT",
        "stay_id": "BIGINT",
        "starttime": "TIMESTAMP",
        "endtime": "TIMESTAMP",
        "itemid": "INTEGER",
    },
    "icu/procedureevents": {
        "subject_id": "BIGINT",
        "stay_id": "BIGINT",
        "starttime": "TIMESTAMP",
        "endtime": "TIMESTAMP",
        "itemid": "INTEGER",
    },
    "ed/edstays": {
        "subject_id": "BIGINT",
        "hadm_id": "BIGINT",
        "stay_id": "BIGINT",
        "intime": "TIMESTAMP",
        "outtime": "TIMESTAMP",
    },
    "ed/triage": {
        "subject_id": "BIGINT",
        "stay_id": "BIGINT",
        "temperature": "DOUBLE",
        "heartrate": "DOUBLE",
        "resprate": "DOUBLE",
        "o2sat": "DOUBLE",
        "sbp": "DOUBLE",
        "dbp": "DOUBLE",
        "acuity": "DOUBLE",
    },
    "ed/vitalsign": {
        "subject_id": "BIGINT",
        "stay_id": "BIGINT",
        "charttime": "TIMESTAMP",
        "temperature": "DOUBLE",
        "heartrate": "DOUBLE",
        "resprate": "DOUBLE",
        "o2sat": "DOUBLE",
        "sbp": "DOUBLE",
        "dbp": "DOUBLE",
    },
    "note/discharge": {
        "subject_id": "BIGINT",
        "hadm_id": "BIGINT",
        "charttime": "TIMESTAMP",
        "storetime": "TIMESTAMP",
    },
    "note/radiology": {
        "subject_id": "BIGINT",
        "hadm_id": "BIGINT",
        "charttime": "TIMESTAMP",
        "storetime": "TIMESTAMP",
    },
    "note/nursing": {
        "subject_id": "BIGINT",
        "hadm_id": "BIGINT",
        "charttime": "TIMESTAMP",
        "storetime": "TIMESTAMP",
    },
    "note/progress": {
        "subject_id": "BIGINT",
        "hadm_id": "BIGINT",
        "charttime": "TIMESTAMP",
        "storetime": "TIMESTAMP",
    },
    "note/own_notes": {
        "patient_id": "BIGINT",
        "hadm_id": "BIGINT",
        "time": "TIMESTAMP",
        "available_time": "TIMESTAMP",
    },
    "cxr/metadata": {"subject_id": "BIGINT", "StudyDate": "DOUBLE", "StudyTime": "DOUBLE"},
    "cxr/chexpert": {"subject_id": "BIGINT"} | dict.fromkeys(CHEXPERT_FINDINGS, "DOUBLE"),
}

NOTE_LINE = 1 << 24  # bytes; a discharge summary is one quoted field over many lines
# bytes that a thread parses at once. DuckDB's own choice, 16 times the longest line, is most of the
# memory of a small conversion, and no faster
BUFFER = 1 << 22


def attach_views(
    con: duckdb.DuckDBPyConnection, raw: Path, tables: Iterable[MimicTable] = TABLES
) -> None:
    """Create a view of each of `tables` that is read, of the source that `raw`/manifest.json
    describes."""
    for table in tables:
        if table.key in TYPES:
            types = TYPES[table.key]
            con.execute(typed_view(table, resolve(table.key, raw), types, name=table.name))


def typed_view(table: MimicTable, path: Path, types: Mapping[str, str], *, name: str) -> str:
    """SQL of the view `name` of a table's file, packed or not; columns without a type are text.

    Raises InputError naming a column that the file lacks.
    """
    # Releases differ in the order and case of columns, so the header decides.
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        header = next(csv.reader(file), [])
    if missing := table.missing_columns(header):
        raise InputError(f"{path}: column {missing[0]}: expected, found {', '.join(header)}")
    known = {column.lower(): kind for column, kind in types.items()}
    given = [column.strip().lower() for column in header]
    columns = ", ".join(f"'{column}': '{known.get(column, 'VARCHAR')}'" for column in given)
    read = f"buffer_size = {BUFFER}"
    if "text" in table.columns:
        read = f"parallel = false, max_line_size = {NOTE_LINE}, buffer_size = {2 * NOTE_LINE}"
    location = str(path).replace("'", "''")
    return (
        f"CREATE VIEW {name} AS SELECT * FROM read_csv('{location}', header = true, "
        f"auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{{columns}}}, {read})"
    )


def in_words(error: duckdb.Error) -> InputError | None:
    """Which file, line and column made DuckDB stop, and what was expected; never the row itself.

    None where the error does not come from a file.
    """
    text = str(error)
    file = re.search(r"^\s*file = (.+)$", text, re.MULTILINE)
    if file is None:
        gzip_file = re.search(r"GZIP stream: (.+)", text)
        if gzip_file is None:
            return None
        return InputError(f"{gzip_file[1]}: expected a whole gzip file, found a truncated one")
    line = re.search(r"CSV Error on Line: (\d+)", text)
    where = f"{file[1]}: line {line[1] if line else '?'}"
    if column := re.search(r"^Column (\S+) is being converted as type (\S+)", text, re.MULTILINE):
        return InputError(
            f"{where}: column {column[1]}: expected {column[2]}, found something else"
        )
    if counts := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text):
        return InputError(f"{where}: expected {counts[1]} columns, found {counts[2]}")
    return InputError(f"{where}: expected a line of CSV, found something else")
