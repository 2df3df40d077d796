"""All that the room knows of one sample, for a person to read."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import NOTES, SAMPLES
from fusehr.core.gate.availability import attach_notes, open_tables

OF_RAG = ("entities", "signals", "facts", "summaries")
ENTITIES = """
SELECT sample_notes.code, event_time, mention, assertion, listed, concept, kind, link, score
FROM entities
JOIN sample_notes USING (note_id)
WHERE sample_id = $sample
ORDER BY event_time, note_id, start, kind
"""


def explain(tables: Path, rag: Path, sample_id: str) -> str:
    """Signals, mentions with assertions, linked diseases, facts and summary of `sample_id`.

    Shows notes' words: not for restricted data on a shared screen. Raises InputError where there is
    no such sample.
    """
    with open_tables(tables, (SAMPLES.name, NOTES.name), threads=1) as con:
        found = con.execute(
            "SELECT task, index_time FROM samples WHERE sample_id = ?", [sample_id]
        ).fetchall()
        if not found:
            raise InputError(
                f"{tables}/samples.parquet: expected sample {sample_id}, found no such one"
            )
        for name in OF_RAG:
            path = rag / f"{name}.parquet"
            if not path.exists():
                raise InputError(f"{path}: expected what stage rag writes, found no file")
            con.from_parquet(str(path)).create_view(name)
        ((task, index_time),) = found
        attach_notes(con, task)
        lines = [f"{sample_id}: {task} at {index_time:%Y-%m-%d %H:%M}"]
        lines += ["", "Abnormal values", *_signals(con, sample_id)]
        lines += ["", "Mentions in the notes that it may see", *_mentions(con, sample_id)]
        lines += ["", "Facts", *_facts(con, sample_id)]
        ((backend, text),) = con.execute(
            "SELECT backend, text FROM summaries WHERE sample_id = ?", [sample_id]
        ).fetchall()
    return "\n".join([*lines, "", f"Summary ({backend})", text])


def _signals(con: duckdb.DuckDBPyConnection, sample_id: str) -> list[str]:
    rows = con.execute(
        "SELECT text, z FROM signals WHERE sample_id = ? ORDER BY position", [sample_id]
    ).fetchall()
    return [f"  {text}, z {z:+.1f}" for text, z in rows] or ["  none"]


def _mentions(con: duckdb.DuckDBPyConnection, sample_id: str) -> list[str]:
    lines = []
    for code, time, mention, said, listed, concept, kind, how, score in con.execute(
        ENTITIES, {"sample": sample_id}
    ).fetchall():
        where = f"{time:%Y-%m-%d %H:%M} {code}"
        said = f"{said}, listed" if listed else said
        by = "" if how == "name" else f" ({how} {score:.2f})"
        lines.append(f"  {where}: {mention!r} is {said}: {kind} {concept}{by}")
    return lines or ["  none"]


def _facts(con: duckdb.DuckDBPyConnection, sample_id: str) -> list[str]:
    rows = con.execute(
        "SELECT rank, kind, text, score FROM facts WHERE sample_id = ? ORDER BY rank", [sample_id]
    ).fetchall()
    return [f"  {rank} {kind} {score:.2f}: {text}" for rank, kind, text, score in rows] or [
        "  none"
    ]
