"""Export the tables in OneEHR's form: static, dynamic and label with its columns first."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.frame.files import output_folder
from fusehr.core.frame.schemas import DYNAMIC, LABEL, STATIC, check_parquet

COLUMNS = {
    STATIC: "patient_id, age, sex, visit_id, admission_type, admission_location, available_time",
    DYNAMIC: "patient_id, event_time, code, value, visit_id, available_time",
    LABEL: "patient_id, label_time, label_code, label_value, visit_id, sample_id",
}


def export_oneehr(tables: Path, folder: Path, *, parquet: bool) -> None:
    """Write static, dynamic and label to `folder`, as CSV or Parquet, rows in the tables' order."""
    ending, options = ("parquet", "FORMAT parquet") if parquet else ("csv", "FORMAT csv, HEADER")
    with output_folder(folder) as partial, duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        for schema, columns in COLUMNS.items():
            source = tables / f"{schema.name}.parquet"
            check_parquet(source, schema)
            order = ", ".join(f'"{name}"' for name in schema.sort)
            con.from_parquet(str(source)).create_view(schema.name)
            con.execute(
                f"COPY (SELECT {columns} FROM {schema.name} ORDER BY {order}) "
                f"TO '{partial / schema.name}.{ending}' ({options})"
            )
