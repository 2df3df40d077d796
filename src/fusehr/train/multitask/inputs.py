"""Inputs of several tasks in common columns and one scale, so that one network can read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.tasks import Task
from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.inputs.modality import Fitted, FittedInputs
from fusehr.models.networks.inputs.series import FittedSeries, Series, SeriesScaler
from fusehr.train.engine.contract import Fit, Modality
from fusehr.train.tabular.matrix import Matrix

# Names of columns where they are not the modality's: the hourly bins are the series
DEMOGRAPHICS, AGGREGATES = "demographics", "aggregates"
LIMIT = 5.0  # standard deviations at which a standardised input is cut


@dataclass(frozen=True)
class TaskModalities:
    """What one task's samples have: a matrix of named columns, and hourly bins."""

    samples: TaskSamples
    matrix: Matrix
    series: Series | None


@dataclass(frozen=True)
class OneToken:
    """A vector a sample: values float32 (n, f), present bool (n,)."""

    values: Tensor
    here: Tensor

    @property
    def width(self) -> int:
        """f."""
        return self.values.shape[1]

    @property
    def lengths(self) -> Tensor:
        """int64 (n,), 0 or 1."""
        return self.here.long()

    def batch(self, rows: Tensor) -> Tokens:
        """One token a sample."""
        return Tokens(self.values[rows][:, None], self.here[rows][:, None])

    def state(self) -> Mapping[str, Tensor]:
        """Nothing: the scale is that of all tasks together, see Columns."""
        return {}


@dataclass(frozen=True)
class Columns:
    """Columns of one modality in all tasks, with mean and scale over all tasks' train rows."""

    names: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray

    def read(self, matrix: Matrix) -> np.ndarray:
        """Values (n, n_names) in this order; nan for a column that the task lacks."""
        place = {name: k for k, name in enumerate(matrix.columns)}
        out = np.full((len(matrix.values), len(self.names)), np.nan)
        known = [k for k, name in enumerate(self.names) if name in place]
        columns = [place[self.names[k]] for k in known]
        out[:, known] = np.where(
            np.isnan(matrix.values[:, columns]), matrix.absent[columns], matrix.values[:, columns]
        )
        return out

    def standardised(self, matrix: Matrix) -> Tensor:
        """float32 (n, n_names); what is missing is at the mean, or 0 for a count."""
        scaled = (compressed(self.read(matrix)) - self.mean) / self.scale
        return torch.from_numpy(np.nan_to_num(np.clip(scaled, -LIMIT, LIMIT)).astype(np.float32))


def compressed(values: np.ndarray) -> np.ndarray:
    """Signed log(1 + |x|), so that a count of forty is not ten times a count of four."""
    return np.sign(values) * np.log1p(np.abs(values))


def common_columns(
    tasks: Mapping[Task, TaskModalities],
    fits: Mapping[Task, Fit],
    modality: Modality | None,
    *,
    min_share: float,
) -> Columns | None:
    """Columns of `modality` (None: age and sex) that enough train samples of some task have.

    None where there is no such column.
    """
    names: set[str] = set()
    for task, one in tasks.items():
        known = one.matrix.vocabulary(fits[task].fold.train, min_share=min_share)
        names |= {one.matrix.columns[k] for k in known if one.matrix.modalities[k] == modality}
    if not names:
        return None
    ordered = tuple(sorted(names))
    blank = Columns(ordered, np.zeros(len(ordered)), np.ones(len(ordered)))
    rows = np.concatenate(
        [compressed(blank.read(one.matrix)[fits[task].fold.train]) for task, one in tasks.items()]
    )
    mean, scale = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    return Columns(ordered, mean, np.where(scale > 0, scale, 1.0))


@dataclass(frozen=True)
class Common:
    """What was fitted over all tasks' train rows: columns by modality, and the series' scale."""

    columns: Mapping[str, Columns]
    scaler: SeriesScaler | None

    def state(self) -> dict[str, Tensor]:
        """Means and scales, as `<modality>.<name>`."""
        found: dict[str, Tensor] = {}
        for name, columns in self.columns.items():
            found[f"{name}.mean"] = torch.from_numpy(columns.mean)
            found[f"{name}.scale"] = torch.from_numpy(columns.scale)
        if self.scaler is not None:
            found["series.mean"] = torch.from_numpy(self.scaler.mean)
            found["series.std"] = torch.from_numpy(self.scaler.std)
        return found


def fit_common(
    tasks: Mapping[Task, TaskModalities],
    fits: Mapping[Task, Fit],
    modalities: tuple[Modality, ...],
    *,
    min_share: float,
) -> Common:
    """Over the train rows of all tasks; `modalities` are those that come as columns."""
    columns: dict[str, Columns] = {}
    for modality in (None, *modalities):
        found = common_columns(tasks, fits, modality, min_share=min_share)
        if found is not None:
            columns[_name(modality)] = found
    hours = [
        one.series.values[fits[task].fold.train].reshape(-1, 1, one.series.values.shape[2])
        for task, one in tasks.items()
        if one.series is not None
    ]
    scaler = None
    if hours:
        clip_share = next(one.series.clip_share for one in tasks.values() if one.series is not None)
        scaler = SeriesScaler.fit(np.concatenate(hours), clip_share=clip_share)
    return Common(columns, scaler)


def _name(modality: Modality | None) -> str:
    if modality is None:
        return DEMOGRAPHICS
    return AGGREGATES if modality == "series" else modality


def withheld(without: Collection[Modality]) -> tuple[str, ...]:
    """Names of the inputs that go with the modalities `without`."""
    return tuple(sorted({*without, *map(_name, without)}))


def fitted_inputs(one: TaskModalities, common: Common) -> FittedInputs:
    """One task's inputs in the common form."""
    n = len(one.samples.samples)
    modalities: dict[str, Fitted] = {}
    for name, columns in common.columns.items():
        values = columns.standardised(one.matrix)
        here = torch.from_numpy(~np.isnan(columns.read(one.matrix)).all(axis=1))
        modalities[name] = OneToken(values, here)
    if common.scaler is not None and one.series is not None:
        steps, lengths = common.scaler.steps(one.series.values)
        lengths[~one.series.present] = 0
        modalities["series"] = FittedSeries(
            torch.from_numpy(steps), torch.from_numpy(lengths), common.scaler
        )
    assert all(len(modality.lengths) == n for modality in modalities.values())
    return FittedInputs(modalities, torch.from_numpy(one.samples.labels.astype(np.float32)))
