"""The floor: each class has its prevalence among train samples, whoever the patient is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.files import write_json
from fusehr.core.frame.params import frozen
from fusehr.core.params.train import Seeds
from fusehr.train.engine.contract import Fit, Modality, RecipeParams, Source

SHARED = (Seeds,)


@frozen
class Params(RecipeParams):
    """Block `recipes.majority`."""

    modalities: tuple[()]


@dataclass(frozen=True)
class Majority:
    """The recipe; it reads no input."""

    modalities: tuple[Modality, ...] = ()
    tables: tuple[str, ...] = ()

    def inputs(self, source: Source, samples: TaskSamples) -> _Inputs:
        """The labels alone."""
        return _Inputs(samples)


@dataclass(frozen=True)
class _Inputs:
    samples: TaskSamples

    def fit(self, fit: Fit) -> _Fitted:
        """Prevalence of each class among train samples."""
        return _Fitted(self.samples.classes, self.samples.labels[fit.fold.train].mean(axis=0))


@dataclass(frozen=True)
class _Fitted:
    classes: tuple[str, ...]
    prevalence: np.ndarray  # (n_classes,)

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        return np.tile(self.prevalence, (len(rows), 1))  # (n_classes,) -> (n_rows, n_classes)

    def save(self, stem: Path) -> None:
        write_json(stem.with_suffix(".json"), self.summary())

    def summary(self) -> dict[str, Any]:
        return {"prevalence": dict(zip(self.classes, self.prevalence.tolist(), strict=True))}


def build(params: Params, shared: Seeds) -> Majority:
    """The recipe `majority`."""
    return Majority()
