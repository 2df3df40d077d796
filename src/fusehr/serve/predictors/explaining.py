"""Why a served network predicts what it does of one case: sentences, and places in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import NOTE_SENTENCES, TEXTS_TABLE
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.gate.availability import attach_notes
from fusehr.core.params.model import NotesParams
from fusehr.models.networks.inputs import notes as note_inputs
from fusehr.models.networks.inputs.vectors import attach_vectors
from fusehr.serve.predictors.contract import Explanation
from fusehr.train.engine.contract import Source
from fusehr.train.engine.explanations import class_maps, explain
from fusehr.train.engine.neural import NeuralFitted

NEWEST_SENTENCES = Path(note_inputs.__file__).parent / "note_sentences.sql"


def explanation(
    fitted: NeuralFitted, sentences: Sequence[str], classes: Sequence[str], *, steps: int
) -> Explanation:
    """Of the first sample of `fitted`, whose notes are `sentences`. steps: of the integral."""
    row = np.array([0])
    table = explain(fitted, row, classes, steps=steps)
    notes = table[table["modality"] == "notes"]
    images = table[table["modality"] == "images"]
    added = np.array([_values(notes, name, "integrated_gradients") for name in classes])
    by_image = np.array([_values(images, name, "integrated_gradients") for name in classes])
    maps = list(class_maps(fitted, row, classes).values())
    return Explanation(
        tuple(classes),
        tuple(sentences),
        _values(notes, classes[0], "attention"),
        added,
        by_image.sum(axis=1) if by_image.size else None,
        maps[0] if maps else None,
    )


def sentences_read(
    con: duckdb.DuckDBPyConnection, samples: TaskSamples, source: Source, notes: NotesParams
) -> list[str]:
    """Texts of the sentences that a network reads of the first sample, in its order.

    con: with `samples`, `notes` and `sample_rows`. The query is the one that reads their vectors.
    """
    attach_notes(con, samples.task)
    path, texts = (source.embed / f"{one.name}.parquet" for one in (NOTE_SENTENCES, TEXTS_TABLE))
    check_parquet(path, NOTE_SENTENCES)
    check_parquet(texts, TEXTS_TABLE)
    con.from_parquet(str(path)).create_view("note_sentences", replace=True)
    con.from_parquet(str(texts), file_row_number=True).create_view("sentence_texts", replace=True)
    attach_vectors(con, texts, key="text_sha256", view="text_vectors")
    limits = {"most_notes": notes.most_notes, "most_tokens": notes.most_tokens}
    found = con.execute(
        f"SELECT text FROM ({NEWEST_SENTENCES.read_text()}) AS read "
        "JOIN sentence_texts ON file_row_number = vector_row "
        "WHERE sample_row = 0 ORDER BY token_rank",
        {"kinds": list(notes.kinds), **limits},
    ).fetchall()
    return [text for (text,) in found]


def _values(table: pd.DataFrame, name: str, column: str) -> np.ndarray:
    own = table[table["class"] == name].sort_values("token")
    return own[column].to_numpy(np.float64)
