"""The ceiling: the synthetic source's own probabilities, which no model may exceed.

The only code that reads truth.parquet. Sources whose truth nobody knows have the table empty.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet, write_json
from fusehr.core.frame.params import frozen
from fusehr.core.frame.schemas import TRUTH
from fusehr.core.params.train import Seeds
from fusehr.train.engine.contract import Fit, Modality, RecipeParams, Skip, Source

SHARED = (Seeds,)


@frozen
class Params(RecipeParams):
    """Block `recipes.oracle` or `recipes.attainable`."""

    modalities: tuple[()]
    column: Literal["oracle", "attainable"]


@dataclass(frozen=True)
class Truth:
    """The recipe; it learns nothing."""

    column: str
    modalities: tuple[Modality, ...] = ()
    tables: tuple[str, ...] = ()

    def inputs(self, source: Source, samples: TaskSamples) -> _Looked:
        """True probabilities of the samples; raises Skip where the source tells none."""
        path = source.tables / "truth.parquet"
        truth = read_parquet(path, TRUTH, ["sample_id", "task", "class", self.column])
        truth = truth[truth["task"] == samples.task]
        if truth.empty:
            raise Skip("truth.parquet has no rows of this task: the source's truth is not known")
        wide = truth.pivot(index="sample_id", columns="class", values=self.column)
        wide = wide.reindex(index=samples.samples["sample_id"], columns=list(samples.classes))
        p = wide.to_numpy(dtype=np.float64)
        if np.isnan(p).any():
            raise InputError(
                f"{path}: column sample_id: expected a row for each class of each {samples.task} "
                f"sample, found none for {int(np.isnan(p).any(axis=1).sum())} samples"
            )
        return _Looked(self.column, p)


@dataclass(frozen=True)
class _Looked:
    column: str
    p: np.ndarray  # (n_samples, n_classes)

    def fit(self, fit: Fit) -> _Looked:
        return self

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        return self.p[rows]  # (n_samples, n_classes) -> (n_rows, n_classes)

    def save(self, stem: Path) -> None:
        write_json(stem.with_suffix(".json"), self.summary())

    def summary(self) -> dict[str, Any]:
        return {"column": self.column}


def build(params: Params, shared: Seeds) -> Truth:
    """The recipe `oracle` or `attainable`."""
    return Truth(params.column)
