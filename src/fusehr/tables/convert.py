"""From a source's files to OneEHR tables, samples, labels and splits.

Each kind of source makes the same relations of its files (see contract.py); from there on there is
one way for all. Synthetic, demo and full MIMIC-IV are one kind, because they are the same files,
and MIMIC-III too, whose files are made to look like them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pandas as pd

from fusehr.core.frame.files import output_folder, sha256_of, write_json, write_parquet
from fusehr.core.frame.schemas import SPLITS, TABLES, TRUTH
from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import in_order
from fusehr.core.mimic_files import read_manifest
from fusehr.core.params.tables import TablesParams
from fusehr.tables.contract import Relations
from fusehr.tables.database import open_database, read_sql, run_sql, save, set_variables
from fusehr.tables.manifest import cohort_manifest
from fusehr.tables.mimic4.files import in_words
from fusehr.tables.quality import Dropped, stop_if_broken
from fusehr.tables.sources import relations_of
from fusehr.tables.splits import assign_folds
from fusehr.tables.summary import table_metrics

HERE = Path(__file__).parent


def convert(raw: Path, tables: Path, metrics: Path, params: TablesParams) -> None:
    """Read the source in `raw`, write its tables to the folder `tables`, a summary to `metrics`.

    Raises InputError where a file is broken, a unit unknown or too much of a table dirty; nothing
    is written then.
    """
    manifest = read_manifest(raw)
    source = relations_of(manifest)
    with output_folder(tables) as folder:
        spill = folder / "spill"
        with open_database(spill, threads=params.threads, memory_mb=params.memory_mb) as con:
            try:
                dropped = _convert(con, source, raw, folder, params)
            except duckdb.OutOfMemoryException as error:
                raise OSError(f"{tables}: {str(error).splitlines()[0]}") from None
            except duckdb.Error as error:
                raise in_words(error) or error from None
            found = con.execute("SELECT DISTINCT task FROM candidates").fetchall()
            tasks = in_order([*source.tasks, *(name for (name,) in found)])
            write_json(folder / "manifest.json", cohort_manifest(con, folder, tasks))
            hide_below = params.small_cell if manifest.restricted else 0
            summary = table_metrics(con, source.counted, tasks, dropped, hide_below=hide_below)
        shutil.rmtree(spill)
    write_json(metrics, summary)


def _convert(
    con: duckdb.DuckDBPyConnection,
    source: Relations,
    raw: Path,
    folder: Path,
    params: TablesParams,
) -> list[Dropped]:
    settings(con, params)
    declare_variables(con)
    _declare_horizons(con, params)
    dropped = source.build(con, raw, folder, params)
    for part in dropped:
        stop_if_broken(part, params)

    say("tables: samples and splits")
    run_sql(con, "tasks/samples.sql")
    splits = assign_folds(con.execute(read_sql("tasks/strata.sql")).df(), params.split)
    con.register("splits_frame", splits)
    con.execute("CREATE TABLE splits AS FROM splits_frame")
    source.time_events(con)

    say("tables: writing")
    write_parquet(folder / "splits.parquet", splits, SPLITS)
    for schema in TABLES:
        if schema not in (SPLITS, TRUTH):
            save(con, schema.name, folder, schema)
    # what was written is counted, and not made a second time
    written = str(folder / "dynamic.parquet").replace("'", "''")
    con.execute(f"CREATE OR REPLACE VIEW dynamic AS FROM read_parquet('{written}')")
    _fitted(con, folder)
    _truth(con, raw, folder)
    return dropped


def settings(con: duckdb.DuckDBPyConnection, params: TablesParams) -> None:
    """Make the parameters that the SQL files read known to `con`."""
    set_variables(
        con,
        {
            "visit_gap_hours": params.visit_gap_hours,
            "stay_gap_hours": params.stay_gap_hours,
            "default_lag_minutes": params.availability.default_lag_minutes,
            "index_hours": params.mortality.index_hours,
            "min_age": params.mortality.min_age,
            "horizon_days": params.readmission.horizon_days,
            "first_hours": params.deterioration.first_hours,
            "step_hours": params.deterioration.step_hours,
            "lookahead_hours": params.deterioration.lookahead_hours,
            "window_hours": params.deterioration.window_hours,
            "free_hours": params.deterioration.free_hours,
            "max_train_windows": params.deterioration.max_train_windows,
            "billing_lag_days": params.next_diagnoses.billing_lag_days,
            "image_hours": params.triage.image_hours,
            "triage_index_hours": params.triage.index_hours,
        },
    )


def declare_variables(con: duckdb.DuckDBPyConnection) -> None:
    """Create the table `variables`: names, units and plausible ranges."""
    path = str(HERE / "variables.csv")
    con.execute("CREATE TABLE variables AS SELECT * FROM read_csv(?)", [path])


def _declare_horizons(con: duckdb.DuckDBPyConnection, params: TablesParams) -> None:
    """Create the table `horizons` (name, hours; null: the end of the stay)."""
    con.execute("CREATE TABLE horizons (name VARCHAR, hours INTEGER)")
    if params.horizons:
        con.executemany("INSERT INTO horizons VALUES (?, ?)", list(params.horizons.items()))


def _fitted(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """What was fitted on train patients, beside the hash of the split it was fitted on."""
    lags = con.execute(
        "SELECT source, itemid, lag_seconds FROM item_lags ORDER BY source, itemid"
    ).fetchall()
    write_json(
        folder / "fitted.json",
        {
            "split_sha": sha256_of(folder / "splits.parquet"),
            "lag_seconds": {f"{source}/{item}": seconds for source, item, seconds in lags},
        },
    )


def _truth(con: duckdb.DuckDBPyConnection, raw: Path, folder: Path) -> None:
    """True probabilities of the samples, where the source knows them; else the empty table."""
    path = raw / "truth.parquet"
    if not path.exists():
        empty = pd.DataFrame({column.name: [] for column in TRUTH.columns})
        write_parquet(folder / "truth.parquet", empty, TRUTH)
        return
    con.from_parquet(str(path)).create_view("true_risk")
    run_sql(con, "tasks/truth.sql")
    save(con, "truth", folder, TRUTH)
