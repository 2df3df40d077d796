"""The newest note of a sample as one token: the mean of its sentences' vectors, and six numbers.

As in the multi-modal LSTM, where the numbers are counted by hand-made rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import NOTE_FEATURES
from fusehr.core.frame.schemas import check_parquet
from fusehr.models.networks.inputs.averages import mean_vectors
from fusehr.models.networks.inputs.embedded import embedded_rows
from fusehr.models.networks.inputs.grid import FittedGrid, TokenGrid, token_grid
from fusehr.models.networks.inputs.newest_notes import attach_newest_notes
from fusehr.models.networks.inputs.vectors import attach_vectors, used_vectors

HERE = Path(__file__).parent
FEATURES = tuple(column.name for column in NOTE_FEATURES.columns if column.name != "note_id")


def load_note_features(
    con: duckdb.DuckDBPyConnection, samples: TaskSamples, embedded: Path, *, kinds: Sequence[str]
) -> NoteFeatures:
    """Of each sample's newest note of `kinds`.

    con: with `samples`, `notes` and `sample_rows`. embedded: what the stage `embed` wrote. Raises
    InputError where a sentence was not embedded.
    """
    attach_newest_notes(con, samples.task, embedded, kinds=kinds)
    path, vectors = embedded / f"{NOTE_FEATURES.name}.parquet", embedded / "vectors.parquet"
    check_parquet(path, NOTE_FEATURES)
    con.from_parquet(str(path)).create_view("note_features", replace=True)
    attach_vectors(con, vectors, key="text_sha256", view="text_vectors")
    con.execute((HERE / "numbered_notes.sql").read_text())
    numbers = _fetch(con, "FROM numbered_notes ORDER BY note")
    sentences = _fetch(
        con,
        "SELECT note, vector_row FROM note_sentences JOIN numbered_notes USING (note_id) "
        "LEFT JOIN text_vectors USING (text_sha256) ORDER BY note, position",
    )
    of_sample = _fetch(
        con,
        "SELECT sample_row, note FROM newest_notes JOIN numbered_notes USING (note_id) "
        "ORDER BY sample_row",
    )
    rows = embedded_rows(sentences["vector_row"], vectors, kind="sentences")
    table, row = used_vectors(vectors, rows)
    features = np.stack([numbers[name] for name in FEATURES], axis=1)  # (n_notes, 6)
    tokens = np.concatenate([mean_vectors(table, sentences["note"], row), features], axis=1)
    grid = token_grid(
        tokens.astype(np.float32),
        of_sample["sample_row"],
        np.zeros(len(of_sample["note"]), dtype=np.int64),
        of_sample["note"],
        shape=(len(samples.samples), 1),
        by_place=True,
    )
    return NoteFeatures(grid)


@dataclass(frozen=True)
class NoteFeatures:
    """grid: one place a sample, a token of d + 6: mean vector, then FEATURES."""

    grid: TokenGrid

    @property
    def present(self) -> np.ndarray:
        """bool (n_samples,): samples with a note."""
        return self.grid.present

    def fit(self, train: np.ndarray) -> FittedGrid:
        """With the six numbers standardised by the notes of the rows `train`; vectors as they are.

        A vector's hundreds of entries, with a variance of one each, would drown the numbers and the
        series in noise.
        """
        mean, std = self.grid.moments(train)
        std[std == 0] = 1.0
        mean[:, : -len(FEATURES)], std[:, : -len(FEATURES)] = 0.0, 1.0
        return self.grid.scaled(mean, std)


def _fetch(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    return con.execute(sql).fetchnumpy()
