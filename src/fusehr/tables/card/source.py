"""The tables and the knowledge graph beside them, as views to count in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import duckdb

from fusehr.core.frame.schemas import TABLES, check_parquet
from fusehr.core.mimic_files import resolve
from fusehr.core.params.tables import TablesParams
from fusehr.tables.database import open_database, run_sql

ROOM = Path(str(resources.files("fusehr.tables")))


@contextmanager
def open_source(
    raw: Path, tables: Path, params: TablesParams
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection with each table of `tables` as a checked view, and more:

    icu_stays, icu_visits, stay_hours, measured_hours (see icu.sql, hours.sql), variables,
    phenotype_names, and the graph of `raw`: kg and disease_features (every column text).

    Raises InputError where a table breaks its schema.
    """
    with (
        tempfile.TemporaryDirectory() as spill,
        open_database(Path(spill), threads=params.threads, memory_mb=params.memory_mb) as con,
    ):
        for schema in TABLES:
            path = tables / f"{schema.name}.parquet"
            check_parquet(path, schema)
            con.from_parquet(str(path)).create_view(schema.name)
        for name in ("variables", "phenotype_names"):
            con.execute(
                f"CREATE TABLE {name} AS SELECT * FROM read_csv(?)", [str(ROOM / f"{name}.csv")]
            )
        for name in ("kg", "disease_features"):
            con.read_csv(
                str(resolve(f"kg/{name}", raw)), header=True, all_varchar=True
            ).create_view(name)
        for name in ("icu", "hours"):
            run_sql(con, f"card/{name}.sql")
        yield con
