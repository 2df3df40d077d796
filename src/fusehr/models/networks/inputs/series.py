"""Hourly series of a task's samples: binned in SQL, scaled by what train samples show.

As in mimic3-benchmarks and EMERGE: the last value of each hour, carried forward, the train mean
before the first one, and beside each variable a mask that says where a value was really charted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import torch
from einops import repeat
from torch import Tensor

from fusehr.core.cohort import TaskSamples
from fusehr.core.gate.availability import attach_events
from fusehr.core.params.model import Variables
from fusehr.models.networks.batch import Tokens


def load_bins(
    con: duckdb.DuckDBPyConnection, n: int, *, variables: Sequence[str], hours: int
) -> np.ndarray:
    """Values float32 (n, hours, n_variables), oldest hour first, nan where none was charted.

    con has `sample_events`, as the availability gate leaves it, and `sample_rows` (sample_id,
    sample_row from 0 to n - 1).
    """
    sql = (Path(__file__).parent / "hourly_bins.sql").read_text()
    found: dict[str, Any] = con.execute(
        sql, {"hours": hours, "variables": list(variables)}
    ).fetchnumpy()
    values = np.full((n, hours, len(variables)), np.nan, dtype=np.float32)
    step = hours - 1 - found["hours_ago"]
    values[found["sample_row"], step, found["variable_column"]] = found["value"]
    return values


def load_series(
    con: duckdb.DuckDBPyConnection,
    samples: TaskSamples,
    *,
    variables: Variables,
    hours: int,
    clip_share: float,
) -> Series:
    """Hourly bins of what the gate lets through; con: with `samples`, `dynamic`, `sample_rows`."""
    attach_events(con, samples.task)
    if variables == "all":
        variables = _all_variables(con)
    bins = load_bins(con, len(samples.samples), variables=variables, hours=hours)
    return Series(bins, clip_share)


def _all_variables(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Of the source and not of a task, as a network that learns several has one width for all."""
    query = "SELECT DISTINCT code FROM dynamic WHERE NOT contains(code, '/') ORDER BY code"
    return [str(code) for (code,) in con.execute(query).fetchall()]


@dataclass(frozen=True)
class SeriesScaler:
    """Mean and scale of each variable, float32 (n_variables,)."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, *, clip_share: float) -> SeriesScaler:
        """From the charted ones of values (n_train, hours, n_variables).

        They are clipped first, `clip_share` of each variable's on either side, as in EMERGE (0.05).
        A variable never charted, or always the same, keeps its unit: scale 1.
        """
        mean = np.zeros(values.shape[2], dtype=np.float32)
        std = np.ones_like(mean)
        for k in range(values.shape[2]):
            charted = values[..., k][~np.isnan(values[..., k])].astype(np.float64)
            if len(charted):
                low, high = np.quantile(charted, [clip_share, 1 - clip_share])
                clipped = np.clip(charted, low, high)
                mean[k] = clipped.mean()
                std[k] = clipped.std() or 1.0
        return cls(mean, std)

    def steps(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Model inputs float32 (n, hours, 2 * n_variables) and lengths int64 (n,).

        Values first, then masks (1 where charted). A sample's series begins in the first hour with
        a value and ends at the index; behind it stand zeros that no model may look at. A sample
        without any value is one hour at the train mean with empty masks.
        """
        charted = ~np.isnan(values)  # (n, hours, v)
        scaled = np.where(charted, (values - self.mean) / self.std, 0.0)
        filled = _carry_forward(scaled, charted)
        inputs = np.concatenate([filled, charted], axis=2, dtype=np.float32)  # (n, hours, 2 * v)
        n, hours, _ = inputs.shape
        anything = np.any(charted, axis=2)  # (n, hours)
        first = np.where(np.any(anything, axis=1), anything.argmax(axis=1), hours - 1)  # (n,)
        lengths = hours - first
        step = np.arange(hours)
        source = np.minimum(first[:, None] + step, hours - 1)  # (n, hours)
        aligned = inputs[np.arange(n)[:, None], source]
        aligned[step >= lengths[:, None]] = 0.0
        return aligned, lengths


@dataclass(frozen=True)
class Series:
    """Hourly bins of a task's samples, float32 (n, hours, n_variables), nan where not charted."""

    values: np.ndarray
    clip_share: float

    @property
    def present(self) -> np.ndarray:
        """bool (n,): samples with any charted value."""
        return np.any(~np.isnan(self.values), axis=(1, 2))

    def fit(self, train: np.ndarray) -> FittedSeries:
        """Scaled by what the rows `train` show."""
        scaler = SeriesScaler.fit(self.values[train], clip_share=self.clip_share)
        steps, lengths = scaler.steps(self.values)
        lengths[~self.present] = 0
        return FittedSeries(torch.from_numpy(steps), torch.from_numpy(lengths), scaler)


@dataclass(frozen=True)
class FittedSeries:
    """Hours as tokens: steps float32 (n, hours, 2 * n_variables), lengths int64 (n,)."""

    steps: Tensor
    lengths: Tensor
    scaler: SeriesScaler

    @property
    def width(self) -> int:
        """Values and masks of all variables."""
        return self.steps.shape[2]

    def batch(self, rows: Tensor) -> Tokens:
        """Hours of the samples at `rows`; always all of them, so that states have one shape."""
        mask = torch.arange(self.steps.shape[1]) < self.lengths[rows][:, None]
        return Tokens(self.steps[rows], mask)

    def state(self) -> Mapping[str, Tensor]:
        """Mean and scale."""
        return {
            "mean": torch.from_numpy(self.scaler.mean),
            "std": torch.from_numpy(self.scaler.std),
        }


def _carry_forward(values: np.ndarray, charted: np.ndarray) -> np.ndarray:
    """The latest charted value at each hour; before the first, values as they are (the mean, 0)."""
    n, hours, n_variables = values.shape
    step = repeat(np.arange(hours), "hours -> n hours v", n=n, v=n_variables)
    latest = np.maximum.accumulate(np.where(charted, step, 0), axis=1)  # (n, hours, v)
    return np.take_along_axis(values, latest, axis=1)
