"""Look at the tables with SQL: each Parquet file a view, nothing can be written."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.frame.errors import InputError

LIMIT = 200  # rows shown of a table; --csv shows all


def query(tables: Path, text: str, *, as_csv: bool) -> str:
    """Result of one query over the views static, dynamic, label, visits, samples, ... as text."""
    files = sorted(tables.glob("*.parquet"))
    if not files:
        raise InputError(f"{tables}: expected tables, found none; run `dvc repro tables`")
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        for file in files:
            con.from_parquet(str(file)).create_view(file.stem)
        # the views can be read, and no other file be read or written
        con.execute("SET allowed_paths = ?", [[str(file) for file in files]])
        con.execute("SET enable_external_access = false")
        try:
            found = con.execute(text).df()
        except duckdb.Error as error:
            raise InputError(f"query: {str(error).splitlines()[0]}") from None
    if as_csv:
        return found.to_csv(index=False).rstrip("\n")
    shown = found.head(LIMIT).to_string(index=False)
    more = len(found) - LIMIT
    return f"{shown}\n... {more} more rows; --csv prints all" if more > 0 else shown
