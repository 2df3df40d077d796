"""What a recipe is: a name, a module, its parameters, and the modalities that it needs.

A module in `recipes/` has `Params` (the type of its block in params.yaml), `Shared` (the type of
the section that the block's `shared` names) and `build(params, shared)`, which returns a `Recipe`.

A recipe is asked for a task's inputs once. They hold all of the task's samples but nothing fitted;
each round of the split then fits on its own train rows. A row is a sample's place in TaskSamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import duckdb
import numpy as np

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen

Modality = Literal["series", "codes", "facts"]


class Skip(Exception):
    """A recipe cannot be trained on a task; the message is the reason that the report shows."""


@frozen
class RecipeParams:
    """What every block `recipes.<name>` holds; a module's `Params` adds its own."""

    module: str
    modalities: tuple[Modality, ...]
    shared: str
    needs: str
    reads: str


@dataclass(frozen=True)
class Source:
    """Where a task's inputs come from.

    con: the tables that the recipe asked for, as views, and `sample_rows` (sample_id, sample_row),
    the task's samples with their rows.
    """

    con: duckdb.DuckDBPyConnection
    tables: Path
    threads: int

    @property
    def rag(self) -> Path:
        """What the room `rag` wrote, beside the tables."""
        return self.tables.parent / "rag"


@dataclass(frozen=True)
class Fold:
    """Rows of one round, int64 and ascending. `train` has no sample with train_use false."""

    name: str
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Epoch:
    """A point of a training curve; epochs count from 1."""

    epoch: int
    train_loss: float
    val_metric: float


@dataclass(frozen=True)
class Fit:
    """One fit: the rows, the seed of everything random in it, its name in messages, its curve."""

    fold: Fold
    seed: int
    name: str
    log: Callable[[Epoch], None]


class Fitted(Protocol):
    """What was learnt in one fit."""

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities, float64 (n_rows, n_classes), in the order of `rows`.

        A row's prediction depends on that row alone.
        """
        ...

    def save(self, stem: Path) -> None:
        """Write the weights to `stem` plus a suffix of the recipe's choice."""
        ...

    def summary(self) -> dict[str, Any]:
        """What a reader wants to know of the fit, as JSON: features, scaler, rule, best epoch."""
        ...


class TaskInputs(Protocol):
    """Inputs of all samples of one task."""

    def fit(self, fit: Fit) -> Fitted:
        """Learn from `fit.fold.train`, choose when to stop on `fit.fold.val`, see nothing else."""
        ...


class Recipe(Protocol):
    """A configured model."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that it reads through the gate."""
        ...

    def inputs(self, source: Source, samples: TaskSamples) -> TaskInputs:
        """Inputs of `samples`; raises Skip where the source lacks what the recipe needs."""
        ...
