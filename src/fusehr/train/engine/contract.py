"""What a recipe is: a name, a module, its parameters, and the modalities that it needs.

A module in `recipes/` has `Params` (the type of its block in params.yaml), `SHARED` (the types of
the sections that the block's `shared` names, in order) and `build(params, *shared)`, which returns
a `Recipe`.

A recipe is asked for a task's inputs once. They hold all of the task's samples but nothing fitted;
each round of the split then fits on its own train rows. A row is a sample's place in TaskSamples.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import duckdb
import numpy as np
from pydantic import Field

from fusehr.core.cohort import TaskSamples
from fusehr.core.folds import Fold
from fusehr.core.frame.params import frozen
from fusehr.core.frame.tasks import Task

Modality = Literal[
    "series",  # measurements over time
    "codes",  # billed codes of visits before
    "indicators",  # structured values put into words
    "notes",  # vectors of sentences
    "findings",  # counts of what notes assert
    "summary",  # vectors of facts that the graph tells
    "relations",  # counts of those facts by relation
    "images",  # chest images
]

# What is withheld at test time to see what a recipe makes of it: the modalities of one source.
WITHHELD: Mapping[str, tuple[Modality, ...]] = {
    "series": ("series", "indicators"),
    "notes": ("notes", "findings"),
    "summary": ("summary", "relations"),
    "images": ("images",),
}


class Skip(Exception):
    """A recipe cannot be trained on a task; the message is the reason that the report shows."""


@frozen
class RecipeParams:
    """What every block `recipes.<name>` holds; a module's `Params` adds its own."""

    module: str
    modalities: tuple[Modality, ...]
    shared: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]
    needs: Annotated[tuple[str, ...], Field(min_length=5, max_length=5)]


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
    def embed(self) -> Path:
        """What the room `embed` wrote, beside the tables."""
        return self.tables.parent / "embed"

    @property
    def rag(self) -> Path:
        """What the room `rag` wrote, beside the tables."""
        return self.tables.parent / "rag"

    @property
    def images(self) -> Path:
        """What the stage `train-images` wrote: vectors of a frozen encoder."""
        return self.tables.parent / "train" / "images"


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

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        """Probabilities, float64 (n_rows, n_classes), in the order of `rows`.

        A row's prediction depends on that row alone, and comes from what was not fitted on it if
        it is one of validation or test. Modalities in `without` are taken as not
        recorded.
        """
        ...

    def save(self, stem: Path) -> None:
        """Write the weights to `stem` plus a suffix of the recipe's choice."""
        ...

    def summary(self) -> dict[str, Any]:
        """What a reader wants to know of the fit, as JSON: features, scaler, rule, best epoch."""
        ...


@runtime_checkable
class Explaining(Fitted, Protocol):
    """Something fitted that can say why it predicts what it does."""

    def explain(self, rows: np.ndarray, *, most: int, steps: int) -> Any:
        """Of `most` of the samples at `rows`; see fusehr.train.engine.explained.Explained."""
        ...


class TaskInputs(Protocol):
    """Inputs of all samples of one task."""

    def fit(self, fit: Fit) -> Fitted:
        """Learn from `fit.fold.train`, choose when to stop on `fit.fold.val`, see nothing else.

        What is fitted again on `fit.fold.again` then must leave the rows `val` to what was not.
        """
        ...


class Recipe(Protocol):
    """A configured model."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What it sees."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that it reads through the gate."""
        ...

    def inputs(self, source: Source, samples: TaskSamples) -> TaskInputs:
        """Inputs of `samples`; raises Skip where the source lacks what the recipe needs."""
        ...


@runtime_checkable
class SlowRecipe(Recipe, Protocol):
    """One whose tasks take long enough to be trained in processes of their own."""

    @property
    def slow(self) -> bool:
        """True."""
        ...


@runtime_checkable
class JointRecipe(Recipe, Protocol):
    """One that learns several tasks together."""

    def fit_jointly(
        self, inputs: Mapping[Task, TaskInputs], fits: Mapping[Task, Fit]
    ) -> Mapping[Task, Fitted]:
        """Learn from the train rows of all tasks, in the place of `TaskInputs.fit`."""
        ...
