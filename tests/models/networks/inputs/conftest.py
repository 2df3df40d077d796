"""What the gate and the room `embed` leave of a few samples, in memory and in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import (
    INDICATOR_TEXTS,
    NOTE_FEATURES,
    NOTE_SEGMENTS,
    NOTE_SENTENCES,
    fixed_lists,
    reduced_table,
    vectors_table,
)
from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.schemas import Table

WIDTH = 4
INDEX = pd.Timestamp("2150-01-02 12:00:00")


@dataclass(frozen=True)
class Note:
    """Of patient `patient`, written `hours` before the index, and stored at once."""

    note_id: str
    patient: int
    hours: float
    sentences: Sequence[str] = ()
    segments: Sequence[str] = ()
    code: str = "nursing"
    stored_late: bool = False


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def vector(text: str) -> np.ndarray:
    """A unit vector of the text alone."""
    drawn = np.random.default_rng(int(sha(text)[:12], 16)).normal(size=WIDTH)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


@dataclass(frozen=True)
class World:
    """A connection with samples s0, s1 ... of patients 0, 1 ..., and a folder of embedded texts."""

    con: duckdb.DuckDBPyConnection
    samples: TaskSamples
    embedded: Path

    def embed(self, texts: Sequence[str]) -> None:
        """Write `vectors` and `reduced` of the texts."""
        shas = sorted({sha(text): text for text in texts}.items())
        names = pa.array([key for key, _ in shas], pa.string())
        vectors = fixed_lists(
            np.stack([vector(text) for _, text in shas]) if shas else np.zeros((0, WIDTH))
        )
        about = {
            "encoder": pa.array(["drawn"] * len(shas), pa.string()),
            "dimension": pa.array([WIDTH] * len(shas), pa.int64()),
            "truncated": pa.array([False] * len(shas)),
        }
        self._write(
            vectors_table(WIDTH), pa.table({"text_sha256": names, **about, "vector": vectors})
        )
        self._write(reduced_table(WIDTH), pa.table({"text_sha256": names, "vector": vectors}))

    def notes(self, notes: Sequence[Note], *, without: Sequence[str] = ()) -> None:
        """Let the gate find `notes`, and write what `embed` does of them; texts in `without` are
        not embedded."""
        frame = pd.DataFrame(
            {
                "patient_id": [note.patient for note in notes],
                "event_time": [INDEX - pd.Timedelta(hours=note.hours) for note in notes],
                "available_time": [
                    INDEX + pd.Timedelta(hours=1 if note.stored_late else -note.hours)
                    for note in notes
                ],
                "code": [note.code for note in notes],
                "note_id": [note.note_id for note in notes],
                "text_sha256": [sha(note.note_id) for note in notes],
            }
        )
        types = {"patient_id": "int64", "event_time": "datetime64[us]", "code": "string"}
        types |= {"available_time": "datetime64[us]", "note_id": "string", "text_sha256": "string"}
        self.con.register("notes", frame.astype(types))
        for schema, parts, place in (
            (NOTE_SENTENCES, "sentences", "position"),
            (NOTE_SEGMENTS, "segments", "segment"),
        ):
            rows = [
                {"note_id": note.note_id, place: k, "text_sha256": sha(text)}
                for note in notes
                for k, text in enumerate(getattr(note, parts))
            ]
            self._write(schema, pd.DataFrame(rows, columns=["note_id", place, "text_sha256"]))
        features = [_features(note) for note in notes]
        self._write(NOTE_FEATURES, pd.DataFrame(features, columns=NOTE_FEATURES.arrow().names))
        texts = [text for note in notes for text in (*note.sentences, *note.segments)]
        self.embed([text for text in texts if text not in without])

    def indicators(self, known: Mapping[str, Mapping[int, str]]) -> None:
        """Write `indicators` of the samples in `known`, with texts at some positions."""
        rows = [
            {
                "sample_id": sample_id,
                "position": position,
                "name": f"i{position}",
                "text_sha256": sha(texts[position]) if position in texts else None,
            }
            for sample_id, texts in known.items()
            for position in range(31)
        ]
        names = INDICATOR_TEXTS.arrow().names
        self._write(INDICATOR_TEXTS, pd.DataFrame(rows, columns=names))

    def _write(self, schema: Table, content: pd.DataFrame | pa.Table) -> None:
        write_parquet(self.embedded / f"{schema.name}.parquet", content, schema)


def _features(note: Note) -> dict[str, object]:
    n = len(note.sentences)
    return {
        "note_id": note.note_id,
        "symptom_count": n,
        "medication_count": 2 * n,
        "condition_severity": n % 5,
        "has_deterioration": n % 2 == 1,
        "deterioration_intensity": n / 100,
        "sentence_count": 3 * n,
    }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[[int], World]]:
    """Makes a World of n samples."""
    with duckdb.connect() as con:

        def make(n: int) -> World:
            frame = pd.DataFrame(
                {
                    "sample_id": [f"s{k}" for k in range(n)],
                    "patient_id": range(n),
                    "task": "mortality",
                    "index_time": INDEX,
                    "history_start": INDEX - pd.Timedelta(hours=48),
                }
            )
            con.register("samples", frame)
            con.register("sample_rows", frame[["sample_id"]].assign(sample_row=range(n)))
            labels = np.zeros((n, 1), dtype=np.int8)
            samples = TaskSamples("mortality", frame, ("positive",), labels, None)
            return World(con, samples, tmp_path)

        yield make
