"""Export embedded texts as one flat table a task, in the columns that BiA's model reads.

A row a sample: each structured indicator as `<name>` (its value) and `<name>_emb` (the vector of
its words), `text_sent1` to `text_sent23` (vectors of the segments of the newest note, "MASK" behind
the last), and `label`: 0 or 1, the class, or a column `label_<class>` each where a sample may have
several. Vectors are the reduced ones, as JSON; an indicator that was not known has none.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.embed_schemas import INDICATOR_TEXTS, NOTE_SEGMENTS, SEGMENTS
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_folder
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.frame.tasks import POSITIVE, Task
from fusehr.core.gate.availability import attach_notes, open_tables, tasks_of
from fusehr.embed.indicators import attach_indicators, indicators

TABLES = ("samples", "dynamic", "notes", "static", "label")
SQL = Path(__file__).parent / "export.sql"
MASK = "MASK"


def export_embeddings(tables: Path, embedded: Path, folder: Path) -> list[str]:
    """Write embedding_<task>.csv for each task to `folder`; the files' names.

    tables: data/tables; embedded: data/embed. Raises InputError where either is missing, or notes
    were not cut into segments (embed.texts).
    """
    with (
        output_folder(folder) as partial,
        open_tables(tables, TABLES, threads=1) as con,
    ):
        _attach_embedded(con, embedded)
        tasks = tasks_of(con)
        for task in tasks:
            attach_indicators(con, task)
            attach_notes(con, task)
            con.execute(SQL.read_text())
            _expect_vectors(con, embedded)
            target = str(partial / f"embedding_{task}.csv").replace("'", "''")
            con.execute(f"COPY ({_wide(con, task)}) TO '{target}' (FORMAT csv, HEADER)")
    return [f"embedding_{task}.csv" for task in tasks]


def _attach_embedded(con: duckdb.DuckDBPyConnection, embedded: Path) -> None:
    for schema in (INDICATOR_TEXTS, NOTE_SEGMENTS):
        path = embedded / f"{schema.name}.parquet"
        check_parquet(path, schema)
        con.from_parquet(str(path)).create_view(f"embedded_{schema.name}")
    reduced = embedded / "reduced.parquet"
    if not reduced.exists():
        raise InputError(f"{reduced}: expected vectors, found no file; run `dvc repro embed`")
    con.from_parquet(str(reduced)).create_view("reduced")
    cut = con.execute(
        "SELECT (SELECT count(*) FROM embedded_note_segments), (SELECT count(*) FROM notes)"
    ).fetchone()
    if cut and cut[1] and not cut[0]:
        raise InputError(
            f"{embedded}/note_segments.parquet: expected segments of notes, found none; "
            "name segments in embed.texts"
        )


def _expect_vectors(con: duckdb.DuckDBPyConnection, embedded: Path) -> None:
    without = con.execute("SELECT count(*) FROM sample_tokens WHERE vector IS NULL").fetchone()
    if without and without[0]:
        raise InputError(
            f"{embedded}/reduced.parquet: expected a vector of every indicator and segment, found "
            f"{without[0]} without; name indicators and segments in embed.texts"
        )


def _wide(con: duckdb.DuckDBPyConnection, task: Task) -> str:
    """The query of one row a sample, sorted by sample_id."""
    columns = ["samples.sample_id", "samples.patient_id"]
    for name in (one.name for one in indicators()):
        columns.append(f"any_value(shown) FILTER (name = '{name}') AS \"{name}\"")
        columns.append(f"any_value(vector) FILTER (name = '{name}') AS \"{name}_emb\"")
    for segment in range(SEGMENTS):
        vector = f"any_value(vector) FILTER (segment = {segment})"
        columns.append(f"coalesce({vector}, '{MASK}') AS text_sent{segment + 1}")
    columns += _labels(con, task)
    return f"""
        SELECT {", ".join(columns)}
        FROM samples
        LEFT JOIN sample_tokens USING (sample_id)
        LEFT JOIN sample_labels USING (sample_id)
        WHERE samples.task = '{task}'
        GROUP BY samples.sample_id, samples.patient_id
        ORDER BY samples.sample_id
    """


def _labels(con: duckdb.DuckDBPyConnection, task: Task) -> list[str]:
    """Columns of the label, of the table sample_labels (sample_id, classes), which is made here."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE sample_labels AS
        SELECT sample_id, list(class ORDER BY class) FILTER (label_value = 1) AS classes
        FROM label
        WHERE task = $task AND NOT starts_with(class, 'outcome/')
        GROUP BY sample_id
        """,
        {"task": task},
    )
    found = con.execute(
        "SELECT DISTINCT class FROM label WHERE task = ? AND NOT starts_with(class, 'outcome/') "
        "ORDER BY 1",
        [task],
    ).fetchall()
    classes = [name for (name,) in found]
    if classes == [POSITIVE]:
        return ["any_value(classes IS NOT NULL)::INTEGER AS label"]
    several = con.execute(
        "SELECT count(*) FROM sample_labels WHERE coalesce(len(classes), 0) <> 1"
    ).fetchone()
    if several == (0,):
        return ["any_value(classes[1]) AS label"]
    quoted = [(name.replace("'", "''"), name.replace('"', '""')) for name in classes]
    return [
        f"any_value(coalesce(list_contains(classes, '{text}'), false))::INTEGER "
        f'AS "label_{column}"'
        for text, column in quoted
    ]
