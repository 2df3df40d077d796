"""Sentences of a sample's newest notes as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import NOTE_SENTENCES
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.gate.availability import attach_notes
from fusehr.models.networks.inputs.modality import RaggedTokens, ragged
from fusehr.models.networks.inputs.vectors import attach_vectors, used_vectors


def load_note_sentences(
    con: duckdb.DuckDBPyConnection,
    samples: TaskSamples,
    embedded: Path,
    *,
    kinds: Sequence[str],
    most_notes: int,
    most_tokens: int,
) -> RaggedTokens:
    """Vectors of sentences: those of the newest note first, each note's in its own order.

    con: with `samples`, `notes` and `sample_rows`. embedded: what the stage `embed` wrote. Notes of
    the current visit alone, at most `most_notes` of `kinds`, and `most_tokens` sentences.
    """
    attach_notes(con, samples.task)
    path = embedded / f"{NOTE_SENTENCES.name}.parquet"
    check_parquet(path, NOTE_SENTENCES)
    con.from_parquet(str(path)).create_view("note_sentences", replace=True)
    vectors = embedded / "vectors.parquet"
    attach_vectors(con, vectors, key="text_sha256", view="text_vectors")
    sql = (Path(__file__).parent / "note_sentences.sql").read_text()
    found: dict[str, Any] = con.execute(
        sql, {"kinds": list(kinds), "most_notes": most_notes, "most_tokens": most_tokens}
    ).fetchnumpy()
    table, token = used_vectors(vectors, found["vector_row"])
    return ragged(table, found["sample_row"], token, n=len(samples.samples))
