"""One row of numbers a sample, computed in SQL from what the availability gate lets through."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.sparse import csr_array

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import NOTE_SENTENCES
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.gate.availability import attach_codes, attach_events, attach_images, attach_notes
from fusehr.core.rag_schemas import FACT_COUNTS, FACTS
from fusehr.train.engine.contract import Modality, Skip, Source

TABLES = ("samples", "dynamic", "visits", "static", "notes", "images")

WHOLE = (
    "last",
    "first",
    "min",
    "max",
    "mean",
    "count",
    "hours_since",
    "hours_since_first",
    "sum",
    "std",
    "hours_charted",
)
COUNTS = ("count", "hours_charted")
RECENT = ("min", "max", "mean", "count")

LACKING: Mapping[Modality, str] = {
    "series": "events",
    "codes": "codes",
    "findings": "findings",
    "relations": "relations",
    "notes": "note vectors",
    "summary": "fact vectors",
    "images": "image vectors",
}

Columns = Mapping[str, Any]  # what a query returns: a masked or plain array a column


@dataclass(frozen=True)
class Matrix:
    """Features of all samples of a task; nothing in it is fitted.

    values: float64 (n_samples, n_columns).
    columns: `<variable>|<window>|<statistic>`, `<phenotype>|earlier`, `age` and the like.
    absent: float64 (n_columns,), what stands for "nothing there": 0 for counts, else nan.
    modalities: of each column; none of age, sex and kind of admission.
    """

    values: np.ndarray
    columns: tuple[str, ...]
    absent: np.ndarray
    modalities: tuple[Modality | None, ...]

    def rows(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        """Values (n_rows, n_columns), nothing there in columns of the modalities `without`."""
        values = self.values[rows]
        withheld = np.array([modality in without for modality in self.modalities], dtype=bool)
        return np.where(withheld, self.absent, values)

    def vocabulary(self, train: np.ndarray, *, min_share: float) -> np.ndarray:
        """Columns worth having, as `train` rows show them: seen often enough, and not constant.

        Seen is a value other than `absent`, in at least `min_share` of the rows and in one. Raises
        Skip where there is no such column.
        """
        values = self.values[train]
        seen = ~np.isnan(values) & (values != self.absent)
        low = np.where(np.isnan(values), np.inf, values).min(axis=0)
        high = np.where(np.isnan(values), -np.inf, values).max(axis=0)
        kept = (seen.mean(axis=0) >= min_share) & seen.any(axis=0) & (low < high)
        if not kept.any():
            raise Skip("no feature tells one train sample from another")
        return np.flatnonzero(kept)


def build_matrix(
    source: Source,
    samples: TaskSamples,
    *,
    modalities: Collection[Modality],
    recent_hours: Sequence[int] = (),
) -> Matrix:
    """Age, sex and kind of admission, which are always had, and columns of the modalities.

    These are window aggregates (series), codes of visits (codes), counts of asserted findings and
    of matched relations of the graph (findings, relations), and means over vectors of sentences,
    facts and chest images (notes, summary, images).
    recent_hours: windows that end at the index, in hours, besides the whole input window.
    Raises Skip where the source has nothing of any of `modalities` for this task.
    """
    parts = [_demographics(source, len(samples.samples))]
    for modality in modalities:
        if modality not in READERS:
            raise ValueError(f"modality {modality}: a matrix has no columns of it")
        part = READERS[modality](source, samples, recent_hours)
        if part.columns:
            parts.append(replace(part, modalities=(modality,) * len(part.columns)))
    if len(parts) == 1:
        lacking = " and ".join(f"no {LACKING[modality]}" for modality in modalities)
        raise Skip(f"needs {' or '.join(modalities)}: {lacking}")
    return _side_by_side(parts)


def _side_by_side(parts: Sequence[Matrix]) -> Matrix:
    return Matrix(
        values=np.concatenate([part.values for part in parts], axis=1),
        columns=tuple(name for part in parts for name in part.columns),
        absent=np.concatenate([part.absent for part in parts]),
        modalities=tuple(modality for part in parts for modality in part.modalities),
    )


def _unnamed(values: np.ndarray, columns: Sequence[str], absent: np.ndarray) -> Matrix:
    return Matrix(values, tuple(columns), absent, (None,) * len(columns))


def _demographics(source: Source, n: int) -> Matrix:
    found = _fetch(source, "demographics.sql")
    names = ("age", "female", "male")
    values = np.full((n, len(names)), np.nan)
    for k, name in enumerate(names):
        values[found["sample_row"], k] = _floats(found[name])
    who = _unnamed(values, names, np.full(len(names), np.nan))
    kind = _sparse(_fetch(source, "admission_types.sql"), n)
    return _side_by_side([who, kind])


def _aggregates(source: Source, samples: TaskSamples, recent_hours: Sequence[int]) -> Matrix:
    attach_events(source.con, samples.task)
    codes = "SELECT DISTINCT code FROM sample_events ORDER BY code"
    variables = [row[0] for row in source.con.execute(codes).fetchall()]
    if not variables:
        return _unnamed(np.empty((len(samples.samples), 0)), (), np.empty(0))
    n = len(samples.samples)
    supports = _sparse(_fetch(source, "supports.sql"), n)
    return _side_by_side([*_series(source, n, variables, recent_hours), supports])


def _visit_codes(source: Source, samples: TaskSamples, _: Sequence[int]) -> Matrix:
    attach_codes(source.con, samples.task)
    return _sparse(_fetch(source, "visit_codes.sql"), len(samples.samples))


def _series(
    source: Source, n: int, variables: list[str], recent_hours: Sequence[int]
) -> list[Matrix]:
    given: dict[str, Any] = {"variables": variables}
    whole = _fetch(source, "whole_window.sql", given)
    parts = [_dense(whole, n, variables, window="all", stats=WHOLE)]
    if recent_hours:
        found = _fetch(source, "recent_windows.sql", given | {"hours": list(recent_hours)})
        for number, length in enumerate(recent_hours):
            rows = np.flatnonzero(found["window_number"] == number)
            part = {name: column[rows] for name, column in found.items()}
            parts.append(_dense(part, n, variables, window=f"{length}h", stats=RECENT))
    return parts


def _dense(
    found: Columns, n: int, variables: list[str], *, window: str, stats: Sequence[str]
) -> Matrix:
    """Long to wide: a row a sample and variable -> (n_samples, n_variables * n_stats)."""
    absent = np.array([0.0 if stat in COUNTS else np.nan for stat in stats])
    values = np.empty((n, len(variables), len(stats)))  # (sample, variable, stat)
    values[:] = absent
    for k, stat in enumerate(stats):
        values[found["sample_row"], found["variable_column"], k] = _floats(found[stat])
    return _unnamed(
        values.reshape(n, -1),  # (sample, variable, stat) -> (sample, variable * stat)
        [f"{variable}|{window}|{stat}" for variable in variables for stat in stats],
        np.tile(absent, len(variables)),
    )


def _fact_counts(
    source: Source, samples: TaskSamples, _: Sequence[int], *, kinds: tuple[str, ...]
) -> Matrix:
    path = source.rag / f"{FACT_COUNTS.name}.parquet"
    check_parquet(path, FACT_COUNTS)
    source.con.from_parquet(str(path)).create_view("fact_counts", replace=True)
    return _sparse(_fetch(source, "facts.sql", {"kinds": list(kinds)}), len(samples.samples))


def _sentence_vectors(source: Source, samples: TaskSamples, _: Sequence[int]) -> Matrix:
    con, path = source.con, source.embed / f"{NOTE_SENTENCES.name}.parquet"
    attach_notes(con, samples.task)
    check_parquet(path, NOTE_SENTENCES)
    con.from_parquet(str(path)).create_view("note_sentences", replace=True)
    return _mean_vectors(source, samples, source.embed / "reduced.parquet", "notes_vectors.sql")


def _fact_vectors(source: Source, samples: TaskSamples, _: Sequence[int]) -> Matrix:
    path = source.rag / f"{FACTS.name}.parquet"
    check_parquet(path, FACTS)
    source.con.from_parquet(str(path)).create_view("facts", replace=True)
    return _mean_vectors(source, samples, source.rag / "reduced.parquet", "summary_vectors.sql")


def _image_vectors(source: Source, samples: TaskSamples, _: Sequence[int]) -> Matrix:
    attach_images(source.con, samples.task)
    return _mean_vectors(source, samples, source.images / "vectors.parquet", "images_vectors.sql")


def _mean_vectors(source: Source, samples: TaskSamples, path: Path, query: str) -> Matrix:
    """The mean of a sample's vectors, float32 in the file; nan where it has none."""
    if not path.exists():
        raise InputError(f"{path}: expected vectors, found no file")
    column = pq.read_table(path, columns=["vector"]).column("vector").combine_chunks()
    width = column.type.list_size
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), width)
    rows = source.con.from_parquet(str(path), file_row_number=True)
    rows.project("* EXCLUDE (vector)").create_view("vector_rows", replace=True)
    found = _fetch(source, query)
    n = len(samples.samples)
    # one product with a sparse matrix of ones, whose sums run in the rows' order
    ones = np.ones(len(found["sample_row"]))
    counts = csr_array((ones, (found["sample_row"], found["vector_row"])), shape=(n, len(vectors)))
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = (counts @ vectors.astype(np.float64)) / total[:, None]
    if not total.any():
        return _unnamed(np.empty((n, 0)), (), np.empty(0))
    names = [f"{query.removesuffix('_vectors.sql')}|mean|{k}" for k in range(width)]
    return _unnamed(mean, names, np.full(width, np.nan))


def _sparse(found: Columns, n: int) -> Matrix:
    """Named values, one row each, to columns in the order of their names; 0 where there is none."""
    names, number = np.unique(np.asarray(found["name"], dtype=str), return_inverse=True)
    values = np.zeros((n, len(names)))
    values[found["sample_row"], number] = found["value"]
    return _unnamed(values, list(map(str, names)), np.zeros(len(names)))


def _floats(column: np.ndarray) -> np.ndarray:
    return np.ma.filled(column.astype(np.float64), np.nan)


def _fetch(source: Source, name: str, given: dict[str, Any] | None = None) -> Columns:
    return source.con.execute((Path(__file__).parent / name).read_text(), given).fetchnumpy()


READERS: Mapping[Modality, Callable[[Source, TaskSamples, Sequence[int]], Matrix]] = {
    "series": _aggregates,
    "codes": _visit_codes,
    "findings": partial(_fact_counts, kinds=("finding", "disease")),
    "relations": partial(_fact_counts, kinds=("pair",)),
    "notes": _sentence_vectors,
    "summary": _fact_vectors,
    "images": _image_vectors,
}
