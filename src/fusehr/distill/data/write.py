"""Instruction data of every task: one table, and JSONL files in the seed's form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fusehr.core.cohort import split_sha
from fusehr.core.distill_schemas import INSTRUCTIONS
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json, write_parquet_sql
from fusehr.core.frame.tasks import Task
from fusehr.core.instructions import (
    NOTHING,
    OUTPUT_START,
    SEPARATOR,
    Instruction,
    question,
    write_jsonl,
)
from fusehr.core.params.distill import DataParams
from fusehr.distill.data.sections import add_sections, fit_hints
from fusehr.distill.data.tables import Source, open_source, run_sql, tasks_of, view_of_summaries

UNKNOWN = "Nothing is known of the patient."
UNLABELLED = "unlabelled"
ROWS_AT_ONCE = 4096
TEXTS = (
    "CREATE TEMP TABLE texts (sample_id VARCHAR, patient_id BIGINT, task VARCHAR, "
    "labelled BOOLEAN, instruction VARCHAR, input VARCHAR, output VARCHAR, "
    "section_starts BIGINT[], section_kinds VARCHAR[])"
)


def write_data(
    raw: Path, tables: Path, rag: Path, folder: Path, tasks: list[Task], params: DataParams
) -> dict[str, Any]:
    """Write instructions.parquet, <task>_<fold>.json, <task>_unlabelled.json and fitted.json.

    rag: data/rag, of which `knowledge` is read and, for other tasks than next_diagnoses, the
    summaries. A task that the source has no samples of is absent. Returns how many texts there
    are, how many without a label, and their mean length in characters.
    Raises InputError where an input is not as declared.
    """
    with open_source(raw, tables, rag, folder / ".duckdb", threads=params.threads) as con:
        present = tasks_of(con, tasks)
        if summarised := [task for task in present if task != "next_diagnoses"]:
            view_of_summaries(con, rag / "summaries.parquet", summarised)
        if "next_diagnoses" in present:
            run_sql(con, "unlabelled.sql")
        fit_hints(con, params.hints)
        con.execute(TEXTS)
        for task in present:
            add_sections(con, task, params)
            _assemble(con, task, tables)
        path = folder / f"{INSTRUCTIONS.name}.parquet"
        write_parquet_sql(path, con, "FROM texts", INSTRUCTIONS)
        counts = run_sql(con, "counts.sql").fetchall()
        for task, name, _, _ in counts:
            write_jsonl(folder / f"{task}_{name}.json", _rows(con, task, name))
        write_json(folder / "fitted.json", _fitted(con, tables, counts, params))
    total = sum(n for _, _, n, _ in counts)
    return {
        "texts": total,
        "unlabelled": sum(n for _, name, n, _ in counts if name == UNLABELLED),
        "mean_characters": round(sum(length for *_, length in counts) / max(total, 1), 1),
    }


def _assemble(con: Source, task: Task, tables: Path) -> None:
    run_sql(
        con,
        "answers.sql",
        {"task": task, "start": OUTPUT_START, "separator": SEPARATOR, "nothing": NOTHING},
    )
    run_sql(con, "assemble.sql", {"task": task, "instruction": question(task), "unknown": UNKNOWN})
    ((lacking,),) = con.execute(
        "SELECT min(sample_id) FROM texts WHERE labelled AND output IS NULL"
    ).fetchall()
    if lacking is not None:
        raise InputError(
            f"{tables}/label.parquet: column sample_id: expected labels of {lacking}, found none"
        )


def _rows(con: Source, task: str, name: str) -> Iterator[Instruction]:
    if name == UNLABELLED:
        chosen = con.execute(
            "SELECT instruction, input, output FROM texts "
            "WHERE task = ? AND NOT labelled ORDER BY sample_id",
            [task],
        )
    else:
        chosen = con.execute(
            "SELECT instruction, input, output FROM texts JOIN folds USING (patient_id) "
            "WHERE task = ? AND labelled AND fold = ? ORDER BY sample_id",
            [task, name],
        )
    while rows := chosen.fetchmany(ROWS_AT_ONCE):
        for row in rows:
            yield Instruction(*row)


def _fitted(
    con: Source, tables: Path, counts: list[tuple[str, str, int, int]], params: DataParams
) -> dict[str, Any]:
    """What was fitted, on whom, and how many texts there are by task and fold."""
    ((patients,),) = con.execute("SELECT count(*) FROM first_visits").fetchall()
    found = con.execute(
        "SELECT phenotype, drug, patients, round(lift, 6) FROM drug_statistics "
        "ORDER BY phenotype, place"
    ).fetchall()
    drugs: dict[str, list[dict[str, Any]]] = {}
    for phenotype, drug, n, lift in found:
        drugs.setdefault(phenotype, []).append({"drug": drug, "patients": n, "lift": lift})
    texts: dict[str, dict[str, int]] = {}
    for task, name, n, _ in counts:
        texts.setdefault(task, {})[name] = n
    return {
        "split_sha": split_sha(tables),
        "statistics": {"from": _fitted_on(con, params), "train_patients": patients, "drugs": drugs},
        "texts": texts,
    }


def _fitted_on(con: Source, params: DataParams) -> str:
    if not params.hints.statistics:
        return "not asked for"
    if con.execute("FROM fitted_on LIMIT 1").fetchall():
        return "train"
    return "nobody, as with cross-validation every patient is tested by somebody"
