"""Nothing trains on tables that this has not passed: honesty rules 1 to 3 on any source's tables.

1. No row that a sample may see was unknown at its index time.
2. No patient, text or image stands in two folds.
3. What was fitted was fitted on this split.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, sha256_of
from fusehr.core.frame.schemas import SPLITS, TRUTH, check_parquet
from fusehr.core.gate.availability import (
    VIEWS,
    attach_codes,
    attach_drugs,
    attach_events,
    attach_images,
    attach_notes,
    open_tables,
    tasks_of,
)
from fusehr.core.stock_text import STOCK_TEXT

ATTACHED = {"drugs": attach_drugs, "notes": attach_notes, "images": attach_images}


class AuditError(InputError):
    """A table breaks an honesty rule."""


def audit(folder: Path, *, threads: int) -> dict[str, Any]:
    """Check the tables in `folder`; the numbers checked, or AuditError or LeakError on a fault."""
    for schema in (SPLITS, TRUTH):
        check_parquet(folder / f"{schema.name}.parquet", schema)
    names = tuple(schema.name for schema in VIEWS)
    with open_tables(folder, names, threads=threads) as con:
        con.from_parquet(str(folder / "splits.parquet")).create_view("splits")
        con.from_parquet(str(folder / "truth.parquet")).create_view("truth")
        return {
            "rule_1_availability": _availability(con),
            "rule_2_folds": _folds(con),
            "rule_3_fitted": _fitted(folder),
        }


def _availability(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    checked = {}
    for task in tasks_of(con):
        attach_events(con, task)
        attach_codes(con, task)
        checked[f"{task}_events"] = _one(con, "SELECT count(*) FROM sample_events")
        checked[f"{task}_codes"] = _one(con, "SELECT count(*) FROM sample_codes")
        for kind, attach in ATTACHED.items():
            attach(con, task)
            checked[f"{task}_{kind}"] = _one(con, f"SELECT count(*) FROM sample_{kind}")
    _refuse(
        con,
        "samples.codes_through",
        "codes of a task other than next_diagnoses not to reach past the index",
        "FROM samples WHERE codes_through > index_time AND task <> 'next_diagnoses'",
    )
    _refuse(
        con,
        "samples.codes_through",
        "no code of a later visit to be known",
        "FROM samples JOIN visits USING (patient_id) WHERE codes_available_time <= codes_through "
        "AND admit_time > index_time",
    )
    for table in ("dynamic", "drugs", "notes", "images"):
        _refuse(
            con,
            f"{table}.available_time",
            "not before event_time",
            f"FROM {table} WHERE available_time < event_time",
        )
    checked["next_diagnoses_codes_by_declared_exception"] = _one(
        con,
        "SELECT count(*) FROM samples WHERE task = 'next_diagnoses' AND codes_through > index_time",
    )
    return checked


def _folds(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    _refuse(
        con,
        "samples.patient_id",
        "a fold for every patient",
        "FROM samples ANTI JOIN splits USING (patient_id)",
    )
    _refuse(
        con,
        "visits.visit_id",
        "one patient a visit",
        "FROM (SELECT visit_id FROM static GROUP BY 1 HAVING count(DISTINCT patient_id) > 1)",
    )
    for table, content, condition in (
        ("notes", "text_sha256", f"length(text) > {STOCK_TEXT}"),
        ("images", "image_sha256", "image_sha256 IS NOT NULL"),
    ):
        _refuse(
            con,
            f"{table}.{content}",
            "no content in two folds",
            f"FROM (SELECT {content} FROM {table} JOIN splits USING (patient_id) "
            f"WHERE {condition} GROUP BY {content} HAVING count(DISTINCT fold) > 1)",
        )
    return {
        "patients": _one(con, "SELECT count(*) FROM splits"),
        "folds": _one(con, "SELECT count(DISTINCT fold) FROM splits"),
        "texts": _one(con, f"SELECT count(*) FROM notes WHERE length(text) > {STOCK_TEXT}"),
        "images": _one(con, "SELECT count(*) FROM images WHERE image_sha256 IS NOT NULL"),
    }


def _fitted(folder: Path) -> dict[str, int]:
    fitted = read_json(folder / "fitted.json")
    split = sha256_of(folder / "splits.parquet")
    if fitted.get("split_sha") != split:
        raise AuditError(
            f"{folder}/fitted.json: split_sha: expected {split}, found {fitted.get('split_sha')}"
        )
    return {"item_lags": len(fitted["lag_seconds"])}


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0


def _refuse(con: duckdb.DuckDBPyConnection, what: str, expected: str, broken: str) -> None:
    if n := _one(con, f"SELECT count(*) {broken}"):
        raise AuditError(f"{what}: expected {expected}, found {n} that break it")
