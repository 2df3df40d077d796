"""Export the tables as a dataset of the Medical Event Data Standard (MEDS).

data/<split>/<shard>.parquet, metadata/ and labels/<task>.parquet (labels/<task>.<class>.parquet
where a task has several classes), each held against the standard's schema as it is written. Beyond
its columns the data have available_time and availability (when the hospital could have known it),
visit_id and note_id. Codes of diagnoses and procedures stand at the time from which they are known.
Chest images are not exported. https://medical-event-data-standard.github.io/
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import meds
import pyarrow as pa
import pyarrow.parquet as pq
from meds import CodeMetadataSchema, DataSchema, DatasetMetadataSchema, LabelSchema
from meds import SubjectSplitSchema as SplitSchema

from fusehr.core.frame.files import output_folder, write_json
from fusehr.core.frame.schemas import (
    DRUGS,
    DYNAMIC,
    LABEL,
    NOTES,
    SPLITS,
    STATIC,
    STAYS,
    VISITS,
    check_parquet,
)
from fusehr.core.frame.tasks import POSITIVE
from fusehr.tables.convert import declare_variables
from fusehr.tables.database import run_sql, set_variables

TABLES = (STATIC, DYNAMIC, LABEL, VISITS, STAYS, DRUGS, NOTES, SPLITS)
SUBJECTS_A_SHARD = 10_000
ROWS_AT_ONCE = 1 << 17
# every column, so that rows at the same time are in the same order on every run
ORDER = (
    "subject_id, time NULLS FIRST, place, code, numeric_value, text_value, visit_id, "
    "available_time, availability, note_id"
)


def export_meds(tables: Path, folder: Path) -> int:
    """Write the dataset to `folder`; the number of events.

    Subjects of fold val are tuning, of test held_out; with cross-validation all are train. Numbers
    are float32, as the standard has them. Raises InputError where a table is missing.
    """
    with output_folder(folder) as partial, duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        for schema in TABLES:
            path = tables / f"{schema.name}.parquet"
            check_parquet(path, schema)
            con.from_parquet(str(path)).create_view(schema.name)
        declare_variables(con)
        set_variables(con, {"subjects_a_shard": SUBJECTS_A_SHARD})
        run_sql(con, "export_meds.sql")
        events = 0
        for split, shard in con.execute("SELECT DISTINCT split, shard FROM subjects").fetchall():
            events += _write(
                con,
                f"SELECT * EXCLUDE (place) FROM events SEMI JOIN (FROM subjects WHERE "
                f"split = '{split}' AND shard = {shard}) USING (subject_id) "
                f"ORDER BY {ORDER}",
                partial / meds.data_subdirectory / split / f"{shard}.parquet",
                DataSchema,
            )
        splits = "SELECT subject_id, split FROM subjects ORDER BY subject_id"
        _write(con, splits, partial / meds.subject_splits_filepath, SplitSchema)
        _write(con, "FROM codes", partial / meds.code_metadata_filepath, CodeMetadataSchema)
        write_json(partial / meds.dataset_metadata_filepath, _metadata())
        _write_labels(con, partial / "labels")
    return events


def _write_labels(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """A file a task and class; classes outcome/... are not what a task predicts."""
    found = con.execute(
        "SELECT DISTINCT task, class FROM label WHERE NOT starts_with(class, 'outcome/') "
        "ORDER BY ALL"
    ).fetchall()
    for task, name in found:
        stem = task if name == POSITIVE else f"{task}.{name}"
        query = (
            "SELECT patient_id AS subject_id, label_time AS prediction_time, "
            "label_value = 1 AS boolean_value FROM label "
            f"WHERE task = '{task}' AND class = '{name.replace(chr(39), chr(39) * 2)}' ORDER BY ALL"
        )
        # a source's own classes are free text, and may hold what no file name may
        _write(con, query, folder / f"{stem.replace('/', '_')}.parquet", LabelSchema)


def _write(con: duckdb.DuckDBPyConnection, query: str, path: Path, schema: Any) -> int:
    """Stream `query` into `path` in batches that are as `schema` has them; the number of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    reader = con.sql(query).to_arrow_reader(ROWS_AT_ONCE)
    with pq.ParquetWriter(
        path, schema.align(reader.schema.empty_table()).schema, compression="zstd"
    ) as writer:
        for batch in reader:
            table = schema.align(pa.Table.from_batches([batch]))
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _metadata() -> dict[str, Any]:
    """No time of writing: the same tables give the same bytes."""
    content = {
        "dataset_name": "fusehr",
        "etl_name": "fusehr",
        "etl_version": version("fusehr"),
        "meds_version": meds.__version__,
        "raw_source_id_columns": ["visit_id", "note_id"],
        "other_extension_columns": ["available_time", "availability"],
    }
    DatasetMetadataSchema.validate(content)
    return content
