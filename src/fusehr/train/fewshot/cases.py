"""What samples of a task may see: last vitals, text of notes, and the mean of its vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
from scipy.sparse import csr_array

from fusehr.core.embed_schemas import NOTE_SENTENCES
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import attach_events, attach_notes
from fusehr.train.engine.contract import Modality

TABLES = ("samples", "dynamic", "notes")


@dataclass(frozen=True)
class Cases:
    """Samples in the order of their rows.

    vitals: float64 (n, n_vitals), nan where none was charted. texts: n, empty where there is no
    note. vectors: float64 (n, d), the mean over a sample's sentences as a unit vector, nan where it
    has none.
    """

    vitals: np.ndarray
    texts: tuple[str, ...]
    vectors: np.ndarray

    @property
    def with_vitals(self) -> np.ndarray:
        """bool (n,): samples with a vital."""
        return np.asarray(np.isfinite(self.vitals).any(axis=1))

    @property
    def with_text(self) -> np.ndarray:
        """bool (n,): samples with a note."""
        return np.array([bool(text) for text in self.texts], dtype=bool)

    def lacking(self, modalities: Collection[Modality]) -> Cases:
        """The same where nothing of `modalities` was recorded."""
        found = self
        if "series" in modalities:
            found = replace(found, vitals=np.full_like(self.vitals, np.nan))
        if "notes" in modalities:
            nothing = np.full_like(self.vectors, np.nan)
            found = replace(found, texts=("",) * len(self.texts), vectors=nothing)
        return found


def no_cases(n: int, n_vitals: int) -> Cases:
    """Samples of which nothing is known."""
    return Cases(np.full((n, n_vitals), np.nan), ("",) * n, np.empty((n, 0)))


def with_vitals(
    cases: Cases, con: duckdb.DuckDBPyConnection, task: Task, vitals: Sequence[str]
) -> Cases:
    """`cases` with the last value of each of `vitals`, named as in the table dynamic.

    con: with `samples`, `dynamic` and `sample_rows`.
    """
    attach_events(con, task)
    found = _fetch(con, "vitals.sql", {"vitals": list(vitals)})
    values = cases.vitals.copy()
    values[found["sample_row"], found["place"]] = found["value"]
    return replace(cases, vitals=values)


def with_notes(
    cases: Cases,
    con: duckdb.DuckDBPyConnection,
    task: Task,
    embedded: Path,
    *,
    most_characters: int,
) -> Cases:
    """`cases` with at most so many characters of the visit's notes, the newest first, and vectors.

    con: with `samples`, `notes` and `sample_rows`. embedded: what the stage `embed` wrote; notes
    that it did not cut into sentences are not read. Raises InputError where it wrote no vectors.
    """
    attach_notes(con, task)
    path = embedded / f"{NOTE_SENTENCES.name}.parquet"
    check_parquet(path, NOTE_SENTENCES)
    con.from_parquet(str(path)).create_view("note_sentences", replace=True)
    notes: list[list[str]] = [[] for _ in cases.texts]
    found = _fetch(con, "notes.sql")
    for row, text in zip(found["sample_row"], found["text"], strict=True):
        notes[row].append(text.strip())
    texts = tuple("\n".join(of_case)[:most_characters].strip() for of_case in notes)
    return replace(cases, texts=texts, vectors=_mean_vectors(con, embedded, len(notes)))


def _mean_vectors(con: duckdb.DuckDBPyConnection, embedded: Path, n: int) -> np.ndarray:
    path = embedded / "vectors.parquet"
    if not path.exists():
        raise InputError(f"{path}: expected vectors, found no file")
    rows = con.from_parquet(str(path), file_row_number=True)
    rows = rows.project("text_sha256, file_row_number AS vector_row")
    rows.create_view("text_vectors", replace=True)
    found = _fetch(con, "vectors.sql")
    column = pq.read_table(path, columns=["vector"]).column("vector").combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    table = flat.reshape(len(column), column.type.list_size)
    # one product with a sparse matrix, whose sums run in the rows' order
    ones = np.ones(len(found["sample_row"]))
    places = (found["sample_row"], found["vector_row"])
    total = csr_array((ones, places), shape=(n, len(table))) @ table
    length = np.linalg.norm(total, axis=1, keepdims=True)
    # as long as one, a sum points where the mean does
    return np.divide(total, length, out=np.full_like(total, np.nan), where=length > 0)


def _fetch(
    con: duckdb.DuckDBPyConnection, name: str, given: dict[str, Any] | None = None
) -> dict[str, Any]:
    return con.execute((Path(__file__).parent / name).read_text(), given).fetchnumpy()
