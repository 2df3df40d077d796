"""A task's samples, and what the availability gate lets through of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from fusehr.core.cohort import TaskSamples, load_task
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.core.metrics import Array

HERE = Path(__file__).parent


@contextmanager
def task_tables(
    tables: Path, task: Task, names: tuple[str, ...], *, threads: int
) -> Iterator[tuple[duckdb.DuckDBPyConnection, TaskSamples]]:
    """The task's samples, and a connection with `names` as views and `sample_rows`.

    sample_rows: sample_id, sample_row, the sample's place in TaskSamples.
    """
    samples = load_task(tables, task)
    with open_tables(tables, ("samples", *names), threads=threads) as con:
        con.execute(
            (HERE / "sample_rows.sql").read_text(),
            {"sample_ids": samples.samples["sample_id"].tolist()},
        )
        yield con, samples


def patients_of(samples: TaskSamples) -> Array:
    """Patient of each sample, int64 (n,)."""
    return samples.samples["patient_id"].to_numpy(np.int64)


def query(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """Columns of what the SQL file `name` beside this module selects."""
    return con.execute((HERE / name).read_text()).fetchnumpy()
