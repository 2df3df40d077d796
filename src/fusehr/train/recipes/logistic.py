"""Logistic regression on window aggregates: the linear baseline.

Medians fill what is missing, and whether a variable was there at all is a feature of its own; all
are standardised. Medians, means and scales are those of train samples.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.core.params.train import TabularParams
from fusehr.train.engine.contract import Fit, Modality, RecipeParams, Source
from fusehr.train.tabular.matrix import TABLES, Matrix, build_matrix
from fusehr.train.tabular.per_class import PerClass, fit_per_class
from fusehr.train.tabular.persist import dump_models

SHARED = (TabularParams,)

ONE_THREAD = (
    1  # for matrix products; at these sizes waiting for a second costs twice what it brings
)


@frozen
class Params(RecipeParams):
    """Block `recipes.logistic`."""

    modalities: Annotated[tuple[Modality, ...], Field(min_length=1)]
    C: Annotated[float, Field(gt=0)]
    max_iter: Annotated[int, Field(ge=1)]
    balanced: bool


@dataclass(frozen=True)
class Logistic:
    """The recipe."""

    params: Params
    shared: TabularParams
    tables: tuple[str, ...] = TABLES

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """As configured."""
        return self.params.modalities

    def inputs(self, source: Source, samples: TaskSamples) -> _Inputs:
        """Window aggregates of every sample."""
        matrix = build_matrix(
            source,
            samples,
            modalities=self.params.modalities,
            recent_hours=self.shared.recent_of(samples.task),
        )
        return _Inputs(self, samples, matrix)


@dataclass(frozen=True)
class _Inputs:
    recipe: Logistic
    samples: TaskSamples
    matrix: Matrix

    def fit(self, fit: Fit) -> _Fitted:
        """Prepare on train rows, then one regression a label, or one for exclusive classes."""
        params, train = self.recipe.params, fit.fold.train
        chosen = self.matrix.vocabulary(train, min_share=self.recipe.shared.min_share)
        columns = [self.matrix.columns[k] for k in chosen]
        prepare = _preparation(columns)

        def fit_one(rows: np.ndarray, y: np.ndarray, *_: np.ndarray) -> LogisticRegression:
            model = LogisticRegression(
                C=params.C,
                max_iter=params.max_iter,
                class_weight="balanced" if params.balanced else None,
            )
            return model.fit(ready, y)

        with threadpool_limits(ONE_THREAD):
            ready = prepare.fit_transform(self.matrix.values[np.ix_(train, chosen)])
            models = fit_per_class(self.samples, train=train, val=fit.fold.val, fit_one=fit_one)
        return _Fitted(self, chosen, columns, prepare, models)


def _preparation(columns: list[str]) -> Pipeline:
    """(n, len(columns)) with nan -> standardised values and missing indicators, without nan.

    One indicator a variable: whether its other statistics are missing too follows from it.
    """
    last = [k for k, name in enumerate(columns) if name.endswith("|all|last")]
    parts = ColumnTransformer(
        [
            ("values", SimpleImputer(strategy="median"), slice(0, len(columns))),
            ("missing", MissingIndicator(features="all"), np.array(last, dtype=np.int64)),
        ]
    )
    return Pipeline([("parts", parts), ("scale", StandardScaler())])


@dataclass(frozen=True)
class _Fitted:
    inputs: _Inputs
    chosen: np.ndarray  # int64 (n_columns,), positions in the matrix
    columns: list[str]
    prepare: Pipeline
    models: PerClass

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        with threadpool_limits(ONE_THREAD):
            values = self.inputs.matrix.rows(rows, without)[:, self.chosen]
            return self.models.predict(self.prepare.transform(values))

    def save(self, stem: Path) -> None:
        columns = "\n".join(self.columns)
        state = {"columns": columns, "prepare": self.prepare, "models": self.models.by_name()}
        dump_models(state, stem.with_suffix(".skops"))

    def summary(self) -> dict[str, Any]:
        return {"features": self.columns}


def build(params: Params, shared: TabularParams) -> Logistic:
    """The recipe `logistic`."""
    return Logistic(params, shared)
