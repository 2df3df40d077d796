"""Histogram gradient boosting on a matrix of window aggregates, one task at a time.

Missing values stay missing: each split learns which way they go. Boosting stops when the log loss
of the validation patients has not fallen for `patience` iterations. Then as many iterations are
fitted again on train and validation patients, whom it would be a waste to learn nothing from; the
first model is kept to predict the validation patients, whom the second one has seen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.train.engine.contract import Fit, Modality
from fusehr.train.tabular.matrix import Matrix
from fusehr.train.tabular.per_class import PerClass, fit_per_class
from fusehr.train.tabular.trees import BoostedTrees, save_trees

WORTH_THREADS = 1_000_000  # numbers in the matrix; below, waking threads costs more than it brings


@frozen
class BoostingParams:
    """Size and stopping of the boosting; see `recipes.gbm` in params.yaml."""

    learning_rate: Annotated[float, Field(gt=0)]
    max_iter: Annotated[int, Field(ge=1)]
    max_leaf_nodes: Annotated[int, Field(ge=2)]
    min_samples_leaf: Annotated[int, Field(ge=1)]
    l2_regularization: Annotated[float, Field(ge=0)]
    max_features: Annotated[float, Field(gt=0, le=1)]
    max_bins: Annotated[int, Field(ge=2, le=255)]
    patience: Annotated[int, Field(ge=1)]
    members: Annotated[int, Field(ge=1)]
    label_features: Annotated[int, Field(ge=1)]
    balanced: bool


def fit_boosting(
    samples: TaskSamples,
    matrix: Matrix,
    fit: Fit,
    params: BoostingParams,
    *,
    min_share: float,
    threads: int,
) -> Boosted:
    """One model a label, or one for exclusive classes: stopped, and then fitted again.

    min_share: a column that fewer train samples have is left out.
    """
    train, val = fit.fold.train, fit.fold.val
    chosen = matrix.vocabulary(train, min_share=min_share)
    features = matrix.values[:, chosen]  # (n_samples, n_columns)
    several = samples.kind == "multilabel"

    def fit_one(rows: np.ndarray, y: np.ndarray, val_rows: np.ndarray, val_y: np.ndarray) -> _Twice:
        columns = np.arange(len(chosen))
        if several:
            columns = correlated(features[rows], y, count=params.label_features)
        model = _estimator(params, params.max_iter, seed=fit.seed, stop_early=len(val_rows) > 0)
        held_out = {}
        if len(val_rows):
            held_out = {"X_val": features[np.ix_(val_rows, columns)], "y_val": val_y}
        model.fit(features[np.ix_(rows, columns)], y, **held_out)
        usable = np.isin(val_rows, fit.fold.again)
        both = np.concatenate([rows, val_rows[usable]])
        target = np.concatenate([y, val_y[usable]])
        again = [
            _estimator(params, model.n_iter_, seed=fit.seed + member, stop_early=False).fit(
                features[np.ix_(both, columns)], target
            )
            for member in range(params.members)
        ]
        return _Twice(
            BoostedTrees.of(model, columns=columns),
            BoostedTrees.mean([BoostedTrees.of(one, columns=columns) for one in again]),
        )

    # the result does not depend on it: each feature's histogram is summed by one thread
    with threadpool_limits(threads if features.size > WORTH_THREADS else 1):
        models = fit_per_class(samples, train=train, val=val, fit_one=fit_one)
    return Boosted(
        matrix,
        chosen,
        stopped=models.each(lambda model: model.stopped),
        again=models.each(lambda model: model.again),
        val=val,
    )


@dataclass(frozen=True)
class _Twice:
    """A model fitted on train rows alone, and the mean of those fitted on validation rows too."""

    stopped: BoostedTrees
    again: BoostedTrees


def correlated(features: np.ndarray, y: np.ndarray, *, count: int) -> np.ndarray:
    """The `count` columns of features (n, f) most correlated with y (n,), in their order.

    What is missing counts as the column's mean. Ties go to the first column.
    """
    centred = features - np.nanmean(features, axis=0)
    centred[np.isnan(centred)] = 0.0
    scale = np.sqrt(np.square(centred).sum(axis=0))
    strength = np.abs((y - y.mean()) @ centred) / np.where(scale > 0, scale, 1.0)  # (f,)
    return np.sort(np.argsort(-strength, kind="stable")[:count])


def _estimator(
    params: BoostingParams, max_iter: int, *, seed: int, stop_early: bool
) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=params.learning_rate,
        max_iter=max_iter,
        max_leaf_nodes=params.max_leaf_nodes,
        min_samples_leaf=params.min_samples_leaf,
        l2_regularization=params.l2_regularization,
        max_features=params.max_features,
        max_bins=params.max_bins,
        early_stopping=stop_early,  # pyright: ignore[reportArgumentType]  (its default is a text)
        n_iter_no_change=params.patience,
        class_weight="balanced" if params.balanced else None,
        random_state=seed,
    )


@dataclass(frozen=True)
class Boosted:
    """Boosted trees of a task, and the matrix that they read.

    stopped: fitted on train rows; predicts the rows `val`, which `again` was fitted on too.
    """

    matrix: Matrix
    chosen: np.ndarray  # int64 (n_columns,), positions in the matrix
    stopped: PerClass
    again: PerClass
    val: np.ndarray  # int64 (n_val,), ascending

    @property
    def columns(self) -> list[str]:
        """Names of the features."""
        return [self.matrix.columns[k] for k in self.chosen]

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        """Probabilities float64 (n_rows, n_classes), of each row by what was not fitted on it."""
        features = self.matrix.rows(rows, without)[:, self.chosen]
        held_out = np.isin(rows, self.val)
        p = np.empty((len(rows), len(self.again.classes)))
        for models, part in ((self.stopped, held_out), (self.again, ~held_out)):
            if part.any():
                p[part] = models.predict(features[part])
        return p

    def save(self, stem: Path) -> None:
        """Trees as plain arrays in safetensors: those that predict, and those of validation."""
        save_trees(self.again.by_name(), self.columns, stem.with_suffix(".safetensors"))
        path = stem.with_name(f"{stem.name}-stopped.safetensors")
        save_trees(self.stopped.by_name(), self.columns, path)

    def summary(self) -> dict[str, Any]:
        """Features, and trees a model."""
        trees = {
            name: 0 if isinstance(model, float) else len(model.first) - 1
            for name, model in self.again.by_name().items()
        }
        return {"features": self.columns, "trees": trees}
