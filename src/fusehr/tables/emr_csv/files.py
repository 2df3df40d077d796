"""Cases in MediLLM's form, as the stage `raw` left them, as patients and their events."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.emr_csv_files import CASES, FOLDER, SETTINGS, Settings
from fusehr.core.frame.files import read_json
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.mimic_files import listed_file
from fusehr.tables.database import run_sql


def read_emr_csv(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Create source_visits, source_values, source_candidates, fill source_notes, source_images.

    See events.build.
    """
    settings = Settings(**read_json(listed_file(f"{FOLDER}/{SETTINGS}", raw)))
    path = listed_file(f"{FOLDER}/{CASES.name}.parquet", raw)
    check_parquet(path, CASES)
    con.from_parquet(str(path)).create_view("emr_cases")
    con.execute("CREATE TABLE emr_settings (task VARCHAR, class VARCHAR, note_kind VARCHAR)")
    con.executemany(
        "INSERT INTO emr_settings VALUES (?, ?, ?)",
        [(settings.task, name, settings.note_kind) for name in settings.classes],
    )
    run_sql(con, "emr_csv/source.sql")
