"""The one note that recipes on a single note read of each sample: its newest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from fusehr.core.embed_schemas import NOTE_SENTENCES
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import attach_notes


def attach_newest_notes(
    con: duckdb.DuckDBPyConnection, task: Task, embedded: Path, *, kinds: Sequence[str]
) -> None:
    """Create the table `newest_notes` (sample_row, note_id) and the view `note_sentences`.

    con: with `samples`, `notes` and `sample_rows`. embedded: what the stage `embed` wrote. A sample
    has the newest note of `kinds` of its current visit that was cut into sentences, or no row.
    """
    attach_notes(con, task)
    path = embedded / f"{NOTE_SENTENCES.name}.parquet"
    check_parquet(path, NOTE_SENTENCES)
    con.from_parquet(str(path)).create_view("note_sentences", replace=True)
    sql = (Path(__file__).parent / "newest_notes.sql").read_text()
    con.execute(sql, {"kinds": list(kinds)})
