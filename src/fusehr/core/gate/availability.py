"""The availability gate: the one way from tables to a sample's input.

What a sample may see is decided in the SQL files beside this one. What came through is then checked
by a query of its own, so that a change to one of them that lets the future in stops the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from fusehr.core.frame.errors import LeakError
from fusehr.core.frame.schemas import (
    DRUGS,
    DYNAMIC,
    IMAGES,
    LABEL,
    NOTES,
    SAMPLES,
    STATIC,
    VISITS,
    Table,
    check_parquet,
)
from fusehr.core.frame.tasks import Task, in_order

VIEWS: tuple[Table, ...] = (STATIC, DYNAMIC, LABEL, VISITS, DRUGS, NOTES, IMAGES, SAMPLES)


@contextmanager
def open_tables(
    folder: Path, names: tuple[str, ...], *, threads: int
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection with the named tables of `folder` as checked views, and no other.

    A stage names what its `deps:` list; `splits` and `truth` are not to be had here.
    """
    with duckdb.connect(config={"threads": threads}) as con:
        con.execute("SET enable_progress_bar = false; SET preserve_insertion_order = true")
        for schema in VIEWS:
            if schema.name in names:
                path = folder / f"{schema.name}.parquet"
                check_parquet(path, schema)
                con.from_parquet(str(path)).create_view(schema.name)
        yield con


def tasks_of(con: duckdb.DuckDBPyConnection) -> tuple[Task, ...]:
    """The tasks that `samples` has samples of, in order."""
    return in_order(name for (name,) in con.execute("SELECT DISTINCT task FROM samples").fetchall())


def attach_events(con: duckdb.DuckDBPyConnection, task: Task) -> None:
    """Create the temporary table `sample_events` of `task`.

    Columns: sample_id, patient_id, code, value, event_time, available_time, index_time,
    hours_before_index (float, >= 0). Raises LeakError where a row was not known by its index time.
    """
    con.execute(_sql("events.sql"), {"task": task})
    _refuse(con, "sample_events", "available_time > index_time OR event_time > index_time")


def attach_codes(con: duckdb.DuckDBPyConnection, task: Task) -> None:
    """Create the temporary table `sample_codes` of `task`.

    Columns: sample_id, visit_id, current_visit, kind (diagnosis, phenotype, procedure, drug), code.
    Raises LeakError where codes of a later visit are used, or codes before they were billed (which
    next_diagnoses may, by declaration, for the visits up to the one just ended).
    """
    con.execute(_sql("codes.sql"), {"task": task})
    _refuse(
        con,
        "sample_codes",
        "admit_time > index_time "
        "OR (codes_available_time > index_time AND task <> 'next_diagnoses')",
    )


def attach_notes(con: duckdb.DuckDBPyConnection, task: Task) -> None:
    """Create the temporary table `sample_notes` of `task`.

    Columns: sample_id, note_id, code (kind of note), text_sha256, event_time, current_visit,
    hours_before_index (float, >= 0). Raises LeakError as attach_events does.
    """
    _attach(con, "notes", task)


def attach_images(con: duckdb.DuckDBPyConnection, task: Task) -> None:
    """Create the temporary table `sample_images` of `task`.

    Columns: sample_id, image_id, pixel_row (of images.npy, or null), event_time, current_visit,
    hours_before_index (float, >= 0). Raises LeakError as attach_events does.
    """
    _attach(con, "images", task)


def attach_drugs(con: duckdb.DuckDBPyConnection, task: Task) -> None:
    """Create the temporary table `sample_drugs` of `task`.

    Columns: sample_id, code (drug), event_time, current_visit, hours_before_index (float, >= 0).
    Raises LeakError as attach_events does.
    """
    _attach(con, "drugs", task)


def _attach(con: duckdb.DuckDBPyConnection, kind: str, task: Task) -> None:
    con.execute(_sql(f"{kind}.sql"), {"task": task})
    _refuse(con, f"sample_{kind}", "available_time > index_time OR event_time > index_time")


def _sql(name: str) -> str:
    return (Path(__file__).parent / name).read_text()


def _refuse(con: duckdb.DuckDBPyConnection, table: str, future: str) -> None:
    query = f"SELECT count(*), min(sample_id) FROM {table} WHERE {future}"
    ((rows, first),) = con.execute(query).fetchall()
    if rows:
        raise LeakError(
            f"{table}: {rows} rows were not known at their sample's index time, "
            f"the first of sample {first}"
        )
