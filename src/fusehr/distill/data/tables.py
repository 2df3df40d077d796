"""What the texts are made of, as views and tables of one DuckDB connection."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd

from fusehr.core.cohort import load_rounds
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.schemas import SPLITS, Table, check_parquet
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.core.gate.availability import tasks_of as present_tasks
from fusehr.core.instructions import ANSWERS, phenotype_titles, short_titles
from fusehr.core.mimic_files import resolve
from fusehr.core.rag_schemas import KG_CODES, KG_EDGES, KG_NODES, SUMMARIES

TABLES = ("samples", "label", "visits", "static", "drugs")
KNOWLEDGE = (KG_NODES, KG_EDGES, KG_CODES)
Source = duckdb.DuckDBPyConnection


@contextmanager
def open_source(
    raw: Path, tables: Path, rag: Path, scratch: Path, *, threads: int
) -> Iterator[Source]:
    """The tables that TABLES and KNOWLEDGE list, `titles`, `phenotype_titles`, `answers`,
    `folds` (patient_id, fold), `trains` (who trains in any round) and `fitted_on` (who trains
    whatever the round, so that something may be fitted on them; none in cross-validation).

    scratch: folder that DuckDB may spill into, removed at the end. Raises InputError where a table
    breaks its schema.
    """
    rounds = load_rounds(tables)
    train = frozenset[int]().union(*(part.train for part in rounds))
    with open_tables(tables, TABLES, threads=threads) as con:
        con.execute("SET preserve_insertion_order = false")
        con.execute(f"SET temp_directory = '{str(scratch).replace(chr(39), chr(39) * 2)}'")
        for schema in KNOWLEDGE:
            view_of(con, rag / "knowledge" / f"{schema.name}.parquet", schema)
        for name in ("d_icd_diagnoses", "d_icd_procedures"):
            path = str(resolve(f"hosp/{name}", raw))
            con.read_csv(path, header=True, all_varchar=True).create_view(name)
        _name_classes(con)
        run_sql(con, "titles.sql")
        splits = read_parquet(tables / "splits.parquet", SPLITS)
        _create(con, "folds", splits[["patient_id", "fold"]])
        _create(con, "trains", _ids(train))
        _create(con, "fitted_on", _ids(train if rounds[0].name == "split" else ()))
        yield con
    shutil.rmtree(scratch, ignore_errors=True)


def view_of(con: Source, path: Path, schema: Table) -> None:
    """A view of the Parquet file at `path`, checked, under the schema's name."""
    check_parquet(path, schema)
    con.from_parquet(str(path)).create_view(schema.name)


def view_of_summaries(con: Source, path: Path, tasks: Iterable[str]) -> None:
    """The view `summaries`; InputError where a sample of one of `tasks` has none."""
    view_of(con, path, SUMMARIES)
    ((lacking,),) = con.execute(
        "SELECT min(sample_id) FROM samples ANTI JOIN summaries USING (sample_id) "
        "WHERE list_contains($tasks, task)",
        {"tasks": list(tasks)},
    ).fetchall()
    if lacking is not None:
        raise InputError(f"{path}: column sample_id: expected {lacking}, found no such row")


def tasks_of(con: Source, tasks: Iterable[Task]) -> list[Task]:
    """Those of `tasks`, each once, that the source has samples of."""
    found = present_tasks(con)
    return [task for task in dict.fromkeys(tasks) if task in found]


def run_sql(con: Source, name: str, params: Mapping[str, object] | None = None) -> Source:
    """Run the SQL file `name` beside this module; what it selects is to be fetched."""
    given = None if params is None else dict(params)
    return con.execute((Path(__file__).parent / name).read_text(), given)


def _name_classes(con: Source) -> None:
    titles = phenotype_titles()
    _create(
        con,
        "phenotype_titles",
        pd.DataFrame(
            {
                "phenotype": list(titles),
                "title": list(titles.values()),
                "short": list(short_titles().values()),
                "number": range(len(titles)),
            }
        ),
    )
    answers = [
        (task, name, value, output)
        for task, of_task in ANSWERS.items()
        for (name, value), output in of_task.items()
    ]
    columns = ["task", "class", "label_value", "output"]
    _create(con, "answers", pd.DataFrame(answers, columns=columns))


def _create(con: Source, name: str, frame: pd.DataFrame) -> None:
    con.register("given", frame)
    con.execute(f"CREATE TEMP TABLE {name} AS FROM given")
    con.unregister("given")


def _ids(patients: Iterable[int]) -> pd.DataFrame:
    return pd.DataFrame({"patient_id": sorted(patients)}, dtype="int64")
