"""Rows of tables that a conversion wrote."""

from __future__ import annotations

from pathlib import Path

import duckdb


def rows_of(tables: Path, text: str) -> list[tuple]:
    """What `text` finds in the tables of a folder, each a view of its name."""
    with duckdb.connect() as con:
        for path in tables.glob("*.parquet"):
            con.from_parquet(str(path)).create_view(path.stem)
        return con.execute(text).fetchall()
