"""One row of numbers a sample, computed in SQL from what the availability gate lets through."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.gate.availability import attach_codes, attach_events
from fusehr.core.rag_schemas import FACT_COUNTS
from fusehr.train.engine.contract import Modality, Skip, Source

TABLES = ("samples", "dynamic", "visits", "static")

WHOLE = ("last", "first", "min", "max", "mean", "count", "hours_since")
RECENT = ("min", "max", "mean", "count")

LACKING: Mapping[Modality, str] = {"series": "events", "codes": "codes", "facts": "facts"}

Columns = Mapping[str, Any]  # what a query returns: a masked or plain array a column


@dataclass(frozen=True)
class Matrix:
    """Features of all samples of a task; nothing in it is fitted.

    values: float64 (n_samples, n_columns).
    columns: `<variable>|<window>|<statistic>`, `<phenotype>|earlier`, `age` and the like.
    absent: float64 (n_columns,), what stands for "nothing there": 0 for counts, else nan.
    """

    values: np.ndarray
    columns: tuple[str, ...]
    absent: np.ndarray

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
    """Window aggregates (series), codes of visits (codes), age and sex, which are always had, and
    counts of asserted findings and of matched relations of the graph (facts).

    recent_hours: windows that end at the index, in hours, besides the whole input window.
    Raises Skip where the source has nothing of any of `modalities` for this task.
    """
    con, n = source.con, len(samples.samples)
    parts, found = [_demographics(source, n)], False
    if "series" in modalities:
        attach_events(con, samples.task)
        variables = con.execute("SELECT DISTINCT code FROM sample_events ORDER BY code").fetchall()
        if variables:
            found = True
            parts += _series(source, n, [row[0] for row in variables], recent_hours)
            parts.append(_sparse(_fetch(source, "supports.sql"), n))
    if "codes" in modalities:
        attach_codes(con, samples.task)
        codes = _sparse(_fetch(source, "visit_codes.sql"), n)
        if codes.columns:
            found = True
            parts.append(codes)
    if "facts" in modalities:
        facts = _facts(source, n)
        if facts.columns:
            found = True
            parts.append(facts)
    if not found:
        lacking = " and ".join(f"no {LACKING[modality]}" for modality in modalities)
        raise Skip(f"needs {' or '.join(modalities)}: {lacking}")
    return Matrix(
        values=np.concatenate([part.values for part in parts], axis=1),
        columns=tuple(name for part in parts for name in part.columns),
        absent=np.concatenate([part.absent for part in parts]),
    )


def _demographics(source: Source, n: int) -> Matrix:
    found = _fetch(source, "demographics.sql")
    names = ("age", "female", "male")
    values = np.full((n, len(names)), np.nan)
    for k, name in enumerate(names):
        values[found["sample_row"], k] = _floats(found[name])
    return Matrix(values, names, np.full(len(names), np.nan))


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
    absent = np.array([0.0 if stat == "count" else np.nan for stat in stats])
    values = np.empty((n, len(variables), len(stats)))  # (sample, variable, stat)
    values[:] = absent
    for k, stat in enumerate(stats):
        values[found["sample_row"], found["variable_column"], k] = _floats(found[stat])
    return Matrix(
        values=values.reshape(n, -1),  # (sample, variable, stat) -> (sample, variable * stat)
        columns=tuple(f"{variable}|{window}|{stat}" for variable in variables for stat in stats),
        absent=np.tile(absent, len(variables)),
    )


def _facts(source: Source, n: int) -> Matrix:
    path = source.rag / f"{FACT_COUNTS.name}.parquet"
    check_parquet(path, FACT_COUNTS)
    source.con.from_parquet(str(path)).create_view("fact_counts", replace=True)
    return _sparse(_fetch(source, "facts.sql"), n)


def _sparse(found: Columns, n: int) -> Matrix:
    """Named values, one row each, to columns in the order of their names; 0 where there is none."""
    names, number = np.unique(np.asarray(found["name"], dtype=str), return_inverse=True)
    values = np.zeros((n, len(names)))
    values[found["sample_row"], number] = found["value"]
    return Matrix(values, tuple(map(str, names)), np.zeros(len(names)))


def _floats(column: np.ndarray) -> np.ndarray:
    return np.ma.filled(column.astype(np.float64), np.nan)


def _fetch(source: Source, name: str, given: dict[str, Any] | None = None) -> Columns:
    return source.con.execute((Path(__file__).parent / name).read_text(), given).fetchnumpy()
