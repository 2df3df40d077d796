"""A folder in OneEHR's form: its files as typed views.

static: patient_id, and where known age, sex (or gender: F and M, or 0 female and 1 male),
admission_type, admission_location. dynamic: patient_id, event_time, code, value, and where known
visit_id, available_time. label: patient_id, label_time, label_code, label_value, and where known
visit_id. Without visit_id a patient is one visit.
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.tasks import PATTERN
from fusehr.core.oneehr_files import FOLDER, SETTINGS, Settings, table_file
from fusehr.tables.database import run_sql, set_variables

COLUMNS: dict[str, dict[str, str]] = {
    "static": {
        "patient_id": "BIGINT",
        "visit_id": "BIGINT",
        "age": "DOUBLE",
        "sex": "VARCHAR",
        "admission_type": "VARCHAR",
        "admission_location": "VARCHAR",
    },
    "dynamic": {
        "patient_id": "BIGINT",
        "event_time": "TIMESTAMP",
        "code": "VARCHAR",
        "value": "VARCHAR",
        "visit_id": "BIGINT",
        "available_time": "TIMESTAMP",
    },
    "label": {
        "patient_id": "BIGINT",
        "label_time": "TIMESTAMP",
        "label_code": "VARCHAR",
        "label_value": "DOUBLE",
        "visit_id": "BIGINT",
    },
}
NEEDED = {
    "static": ("patient_id",),
    "dynamic": ("patient_id", "event_time", "code", "value"),
    "label": ("patient_id", "label_time", "label_code", "label_value"),
}


def read_oneehr(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Create source_visits, source_values and source_candidates (see events.build).

    Raises InputError naming file and column where one is missing, a patient is unknown to static,
    a chosen label is not 0 or 1, or a code has a variable's name and not its unit.
    """
    folder = raw / FOLDER
    settings = Settings(**read_json(folder / SETTINGS))
    _attach(con, "static", [table_file(folder, "static")])
    _attach(con, "dynamic", [table_file(folder, "dynamic")])
    _attach(con, "label", [table_file(folder, name) for name in settings.labels])
    for table in ("dynamic", "label"):
        _expect_known_patients(con, table)
    _choose_labels(con, settings)
    _name_variables(con, settings)
    set_variables(con, {"by_day": _by_day(con)})
    run_sql(con, "oneehr/oneehr.sql")
    _expect_units(con)


def _attach(con: duckdb.DuckDBPyConnection, table: str, paths: list[Path]) -> None:
    parts = []
    for number, path in enumerate(paths):
        name = f"{table}_{number}"
        types = COLUMNS[table]
        if path.suffix == ".parquet":
            con.from_parquet(str(path)).create_view(name)
            found = con.view(name).columns
        else:
            found = con.read_csv(str(path), header=True, all_varchar=True).columns
            typed = {column: types.get(column, "VARCHAR") for column in found}
            con.read_csv(str(path), header=True, dtype=typed).create_view(name)
        for column in NEEDED[table]:
            if column not in found:
                raise InputError(f"{path}: column {column}: expected, found {', '.join(found)}")
        chosen = []
        for column, kind in types.items():
            given = "gender" if column == "sex" and "sex" not in found else column
            value = f'"{given}"' if given in found else "NULL"
            chosen.append(f"{value}::{kind} AS {column}")
        parts.append(f"SELECT {', '.join(chosen)} FROM {name}")
    con.execute(f"CREATE TABLE oneehr_{table} AS {' UNION ALL '.join(parts)}")


def _expect_known_patients(con: duckdb.DuckDBPyConnection, table: str) -> None:
    found = con.execute(
        f"SELECT count(*), min(patient_id) FROM oneehr_{table} "
        "ANTI JOIN oneehr_static USING (patient_id)"
    ).fetchone()
    if found and found[0]:
        raise InputError(
            f"{table}: column patient_id: expected patients that static has, found {found[0]} rows "
            f"of others, the first of {found[1]}"
        )


def _choose_labels(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create label_tasks (label_code, task, class)."""
    codes = [
        str(code)
        for (code,) in con.execute(
            "SELECT DISTINCT label_code FROM oneehr_label ORDER BY 1"
        ).fetchall()
    ]
    names = {code: task for task, code in settings.tasks.items()}
    if missing := [code for code in names if code not in codes]:
        raise InputError(
            f"params.yaml: raw.oneehr.tasks.{names[missing[0]]}: expected a label_code, one "
            f"of {', '.join(codes)}; found {missing[0]}"
        )
    rows = []
    for code in names or codes:
        task, _, part = names.get(code, code).partition("/")
        rows.append((code, task, part or "positive"))
    con.execute("CREATE TABLE label_tasks (label_code VARCHAR, task VARCHAR, class VARCHAR)")
    con.executemany("INSERT INTO label_tasks VALUES (?, ?, ?)", rows)
    unfit = con.execute(
        "SELECT task FROM label_tasks WHERE NOT regexp_full_match(task, ?) ORDER BY 1", [PATTERN]
    ).fetchone()
    if unfit:
        raise InputError(
            f"label: column label_code: expected small letters, digits and _, found {unfit[0]}; "
            "name the task by raw.oneehr.tasks"
        )
    bad = con.execute(
        "SELECT label_code, count(*) FROM oneehr_label SEMI JOIN label_tasks USING (label_code) "
        "WHERE label_value IS NULL OR label_value NOT IN (0, 1) GROUP BY 1 ORDER BY 1"
    ).fetchone()
    if bad:
        raise InputError(
            f"label: column label_value: expected 0 or 1, found other values in {bad[1]} rows of "
            f"{bad[0]}; choose which codes are tasks by raw.oneehr.tasks"
        )


def _name_variables(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create oneehr_variables (code, variable, factor)."""
    codes: dict[str, list[str]] = {}
    for (code,) in con.execute(
        "SELECT DISTINCT code FROM oneehr_dynamic WHERE code IS NOT NULL ORDER BY code"
    ).fetchall():
        codes.setdefault(re.sub(r"\s", "_", str(code)), []).append(str(code))
    known = [str(name) for (name,) in con.execute("SELECT name FROM variables").fetchall()]
    rows = []
    for variable, (written, factor) in settings.variables.items():
        where = f"params.yaml: raw.oneehr.variables.{variable}"
        if variable not in known:
            raise InputError(f"{where}: expected a variable of variables.csv, found {variable}")
        found = codes.get(written, [])
        if len(found) != 1:
            raise InputError(
                f"{where}: expected a code of dynamic, with _ for blanks, found {len(found)} that "
                f"are {written}"
            )
        rows.append((found[0], variable, factor))
    mapped = [code for code, _, _ in rows]
    if twice := sorted({code for code in mapped if mapped.count(code) > 1}):
        raise InputError(
            f"params.yaml: raw.oneehr.variables: expected each code once, found {twice[0]} twice"
        )
    raw_codes = {code for written in codes.values() for code in written}
    if clash := [name for name in settings.variables if name in raw_codes - set(mapped)]:
        raise InputError(
            f"params.yaml: raw.oneehr.variables.{clash[0]}: expected a variable that is no other "
            f"code of dynamic, found the code {clash[0]}"
        )
    con.execute("CREATE TABLE oneehr_variables (code VARCHAR, variable VARCHAR, factor DOUBLE)")
    if rows:
        con.executemany("INSERT INTO oneehr_variables VALUES (?, ?, ?)", rows)


def _expect_units(con: duckdb.DuckDBPyConnection) -> None:
    """Raise InputError where most values of a code are implausible for the variable it is called.

    Such a code is in another unit, and what it stands for in words would be wrong.
    """
    found = con.execute(
        """
        SELECT code, unit, low, high, median(value)
        FROM source_values
        JOIN variables ON variables.name = source_values.code
        WHERE reason IS NULL OR reason = 'implausible'
        GROUP BY code, unit, low, high
        HAVING count(*) FILTER (value BETWEEN low AND high) < count(*) / 2
        ORDER BY code
        """
    ).fetchone()
    if found:
        code, unit, low, high, middle = found
        raise InputError(
            f"dynamic: column value: {code}: expected {unit} between {low:g} and {high:g}, as "
            f"variables.csv has it, found a median of {middle:g}; name the factor to that unit in "
            f"raw.oneehr.variables.{code}"
        )


def _by_day(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether times are dates: a value is then known by the end of its day, and no sooner."""
    row = con.execute(
        "SELECT coalesce(bool_and(event_time = date_trunc('day', event_time)), false) "
        "FROM oneehr_dynamic"
    ).fetchone()
    return bool(row and row[0])
