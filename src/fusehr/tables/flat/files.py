"""A flat table, as the stage `raw` left it, as patients and their events."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.flat_files import CELLS, FOLDER, ROWS, SETTINGS, Settings
from fusehr.core.frame.files import read_json
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.mimic_files import listed_file
from fusehr.tables.database import run_sql


def read_flat(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Create source_visits, source_values and source_candidates, fill source_notes.

    See events.build.
    """
    settings = Settings(**read_json(raw / FOLDER / SETTINGS))
    for schema in (ROWS, CELLS):
        path = listed_file(f"{FOLDER}/{schema.name}.parquet", raw)
        check_parquet(path, schema)
        con.from_parquet(str(path)).create_view(f"flat_{schema.name}")
    con.execute("CREATE TABLE flat_settings (task VARCHAR, class VARCHAR, note_kind VARCHAR)")
    con.executemany(
        "INSERT INTO flat_settings VALUES (?, ?, ?)",
        [(settings.task, name, settings.note_kind) for name in settings.classes],
    )
    run_sql(con, "flat/source.sql")
