"""The newest note of a sample as at most 23 segments, as in BiA: a vector each, in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import NOTE_SEGMENTS, SEGMENTS
from fusehr.core.frame.schemas import check_parquet
from fusehr.models.networks.inputs.averages import mean_vectors
from fusehr.models.networks.inputs.embedded import embedded_rows
from fusehr.models.networks.inputs.grid import TokenGrid, token_grid
from fusehr.models.networks.inputs.newest_notes import attach_newest_notes
from fusehr.models.networks.inputs.vectors import attach_vectors, used_vectors

HERE = Path(__file__).parent


def load_note_segments(
    con: duckdb.DuckDBPyConnection, samples: TaskSamples, embedded: Path, *, kinds: Sequence[str]
) -> TokenGrid:
    """Reduced vectors of the segments of each sample's newest note of `kinds`.

    con: with `samples`, `notes` and `sample_rows`. embedded: what the stage `embed` wrote. A note
    whose segments were not embedded has means of its sentences' vectors. Raises InputError where
    neither were.
    """
    attach_newest_notes(con, samples.task, embedded, kinds=kinds)
    path, vectors = embedded / f"{NOTE_SEGMENTS.name}.parquet", embedded / "reduced.parquet"
    check_parquet(path, NOTE_SEGMENTS)
    con.from_parquet(str(path)).create_view("note_segments", replace=True)
    attach_vectors(con, vectors, key="text_sha256", view="text_vectors")
    con.execute((HERE / "segment_texts.sql").read_text(), {"segments": SEGMENTS})
    texts: dict[str, Any] = con.execute(
        "SELECT token, vector_row FROM segment_texts ORDER BY token, position"
    ).fetchnumpy()
    rows = embedded_rows(texts["vector_row"], vectors, kind="segments or sentences")
    table, row = used_vectors(vectors, rows)
    means = mean_vectors(table, texts["token"], row)
    found: dict[str, Any] = con.execute((HERE / "sample_segments.sql").read_text()).fetchnumpy()
    return token_grid(
        means,
        found["sample_row"],
        found["segment"],
        found["token"],
        shape=(len(samples.samples), SEGMENTS),
        by_place=False,
    )
