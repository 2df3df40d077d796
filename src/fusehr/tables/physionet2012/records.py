"""Lines and outcomes of the Challenge 2012's records as DuckDB relations."""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv

from fusehr.core.frame.errors import InputError
from fusehr.core.physionet2012_files import (
    listed,
    outcomes_file,
    read_records,
    records_file,
    sets_in,
)
from fusehr.tables.database import run_sql

HOURS = 48
COLUMNS = ("record_id", "line", "time", "parameter", "value")
TYPES = {
    "record_id": pa.int64(),
    "line": pa.int32(),
    "time": pa.string(),
    "parameter": pa.string(),
    "value": pa.float64(),
}


HERE = Path(__file__).parent


def read_physionet2012(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Create source_visits, source_values and source_candidates (see events.build).

    Raises InputError where mortality is asked for after the records' end, and as attach_records
    does.
    """
    asked = con.execute("SELECT getvariable('index_hours')").fetchone()
    if asked and asked[0] > HOURS:
        raise InputError(
            f"params.yaml: tables.mortality.index_hours: expected at most {HOURS}, the hours that "
            f"the challenge tells of, found {asked[0]}"
        )
    con.execute("CREATE TABLE items AS SELECT * FROM read_csv(?)", [str(HERE / "items.csv")])
    attach_records(con, raw)
    run_sql(con, "physionet2012/source.sql")


def attach_records(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Create the tables record_rows and record_outcomes of the sets in `raw`.

    record_rows: record_id, fold, line (in the file), minute (since ICU admission), parameter, value
    (null where the line has none). record_outcomes: record_id, fold, died (in hospital), survival
    and length_of_stay (days since ICU admission, null where unknown). Scores that the outcomes also
    hold (SAPS-I, SOFA) are left aside: they are no input.
    Raises InputError where a file is not the one that the stage `raw` checked.
    """
    con.execute(
        "CREATE TABLE record_rows (record_id BIGINT, fold VARCHAR, line INTEGER, minute INTEGER, "
        "parameter VARCHAR, value DOUBLE)"
    )
    con.execute(
        "CREATE TABLE record_outcomes (record_id BIGINT, fold VARCHAR, died BOOLEAN, "
        "survival INTEGER, length_of_stay INTEGER)"
    )
    for name, fold in sorted(sets_in(raw).items()):
        lines = _lines(listed(raw, records_file(name)), records_file(name))
        con.register("lines_of_set", lines)
        con.execute(
            "INSERT INTO record_rows SELECT record_id, ?, line, "
            "split_part(time, ':', 1)::INTEGER * 60 + split_part(time, ':', 2)::INTEGER, "
            "parameter, value FROM lines_of_set",
            [fold],
        )
        con.unregister("lines_of_set")
        con.execute(
            'INSERT INTO record_outcomes SELECT "RecordID", ?, "In-hospital_death" = 1, '
            'nullif("Survival", -1), nullif("Length_of_stay", -1) FROM read_csv(?, header = true)',
            [fold, str(listed(raw, outcomes_file(name)))],
        )


def _lines(path: Path, shown: str) -> pa.Table:
    """All lines of a set's records below their headers, columns COLUMNS."""
    text = io.StringIO()
    for record in read_records(path, shown):
        text.writelines(
            f"{record.record_id},{number},{line}\n"
            for number, line in enumerate(record.lines(), start=2)
        )
    return pyarrow.csv.read_csv(
        io.BytesIO(text.getvalue().encode()),
        read_options=pyarrow.csv.ReadOptions(column_names=list(COLUMNS)),
        parse_options=pyarrow.csv.ParseOptions(quote_char=False),
        convert_options=pyarrow.csv.ConvertOptions(column_types=TYPES, null_values=[""]),
    )
