"""A DuckDB for one conversion: bounded memory, a fixed number of threads, SQL from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from fusehr.core.frame.files import write_parquet_sql
from fusehr.core.frame.schemas import Table

HERE = Path(__file__).parent


@contextmanager
def open_database(
    spill: Path, *, threads: int, memory_mb: int
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in the folder `spill`, which holds at most `memory_mb` MiB of it in memory.

    A table in a file is kept compressed, and leaves memory without being written again.
    """
    spill.mkdir(exist_ok=True)
    config = {
        "threads": threads,
        "memory_limit": f"{memory_mb}MiB",
        "temp_directory": str(spill),
        # nothing is to be kept, so that neither small tables nor, at the end, all need be
        # written to the file
        "checkpoint_threshold": "1TB",
    }
    with duckdb.connect(str(spill / "tables.duckdb"), config=config) as con:
        con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
        con.execute("PRAGMA disable_checkpoint_on_shutdown")
        yield con


def set_variables(con: duckdb.DuckDBPyConnection, values: Mapping[str, Any]) -> None:
    """Make parameters readable in SQL as getvariable('name')."""
    for name, value in values.items():
        con.execute(f"SET VARIABLE {name} = {value!r}")


def run_sql(con: duckdb.DuckDBPyConnection, name: str, **replaced: str) -> None:
    """Execute the statements of the file `name`, `$key` standing for a whole query."""
    con.execute(read_sql(name, **replaced))


def read_sql(name: str, **replaced: str) -> str:
    """Text of the file `name` below this package."""
    text = (HERE / name).read_text()
    for key, query in replaced.items():
        text = text.replace(f"${key}", query)
    return text


def save(con: duckdb.DuckDBPyConnection, relation: str, folder: Path, schema: Table) -> Path:
    """Write `relation` as the table `schema` to `folder`, sorted, and check it."""
    path = folder / f"{schema.name}.parquet"
    write_parquet_sql(path, con, f"SELECT * FROM {relation}", schema)
    return path
