"""The floor of next_diagnoses: the diagnoses of the visit just ended, copied.

For each class, the rate at the next visit among train samples that have it now, and among those
that do not. A prediction takes these two values: it is a probability, and it ranks patients as the
copy does, of every class that those who have it are likelier to have again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors.numpy import save_file

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.core.gate.availability import attach_codes
from fusehr.core.params.train import Seeds
from fusehr.train.engine.contract import Fit, Modality, RecipeParams, Skip, Source

SHARED = (Seeds,)

TASK = "next_diagnoses"


@frozen
class Params(RecipeParams):
    """Block `recipes.previous_diagnoses`."""

    modalities: tuple[Literal["codes"]]


@dataclass(frozen=True)
class PreviousDiagnoses:
    """The recipe."""

    modalities: tuple[Modality, ...] = ("codes",)
    tables: tuple[str, ...] = ("samples", "visits")

    def inputs(self, source: Source, samples: TaskSamples) -> _Inputs:
        """Which classes the visit just ended has; raises Skip for every task but one."""
        if samples.task != TASK:
            raise Skip(f"copies diagnoses of the visit just ended, which {TASK} alone may see")
        attach_codes(source.con, samples.task)
        query = Path(__file__).with_name("previous_diagnoses.sql").read_text()
        found = source.con.execute(query).fetchnumpy()
        number = {name: k for k, name in enumerate(samples.classes)}
        rows = [
            (row, number[code])
            for row, code in zip(found["sample_row"], found["code"], strict=True)
            if code in number
        ]
        if not rows:
            raise Skip("needs codes: no phenotype of the visit just ended")
        now = np.zeros((len(samples.samples), len(samples.classes)), dtype=bool)
        now[tuple(np.array(rows).T)] = True
        return _Inputs(samples, now)


@dataclass(frozen=True)
class _Inputs:
    samples: TaskSamples
    now: np.ndarray  # bool (n_samples, n_classes)

    def fit(self, fit: Fit) -> _Fitted:
        """Rates among train samples."""
        train = fit.fold.train
        labels, now = self.samples.labels[train], self.now[train]
        return _Fitted(
            self,
            with_it=_rate(labels, now),
            without_it=_rate(labels, ~now),
            prevalence=labels.mean(axis=0),
        )


def _rate(labels: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Rate of each class (n_classes,) among its samples in `among`, bool (n, n_classes).

    One sample of either label is added (Laplace), so that a class that no sample has is no 0 / 0.
    """
    return ((labels * among).sum(axis=0) + 1.0) / (among.sum(axis=0) + 2.0)


@dataclass(frozen=True)
class _Fitted:
    inputs: _Inputs
    with_it: np.ndarray  # (n_classes,)
    without_it: np.ndarray  # (n_classes,)
    prevalence: np.ndarray  # (n_classes,)

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        if "codes" in without:
            return np.tile(self.prevalence, (len(rows), 1))  # (n_classes,) -> (n_rows, n_classes)
        return np.where(self.inputs.now[rows], self.with_it, self.without_it)

    def save(self, stem: Path) -> None:
        save_file(self._rates(), stem.with_suffix(".safetensors"))

    def summary(self) -> dict[str, Any]:
        classes = self.inputs.samples.classes
        return {
            name: dict(zip(classes, rates.tolist(), strict=True))
            for name, rates in self._rates().items()
        }

    def _rates(self) -> dict[str, np.ndarray]:
        return {
            "p_with_it": self.with_it,
            "p_without_it": self.without_it,
            "prevalence": self.prevalence,
        }


def build(params: Params, shared: Seeds) -> PreviousDiagnoses:
    """The recipe `previous_diagnoses`."""
    return PreviousDiagnoses()
