"""Boosting that is stopped by validation rows, and then fitted on them too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core.cohort import TaskSamples
from fusehr.core.folds import Fold
from fusehr.train.engine.contract import Fit
from fusehr.train.tabular.boosting import Boosted, BoostingParams, fit_boosting, unlike
from fusehr.train.tabular.matrix import Matrix
from fusehr.train.tabular.trees import BoostedTrees, load_trees

ROWS = np.arange(400)
FOLD = Fold("split", ROWS[:200], ROWS[200:300], ROWS[300:], again=ROWS[:280])
UNUSED = ROWS[280:300]  # validation rows that are not for training
PARAMS = BoostingParams(
    learning_rate=0.1,
    max_iter=4,
    max_leaf_nodes=4,
    min_samples_leaf=5,
    l2_regularization=1.0,
    max_features=0.5,
    max_bins=32,
    patience=10,
    members=2,
    most_alike=1.0,
    label_features=8,
    balanced=False,
)


def problem() -> tuple[TaskSamples, Matrix]:
    """A label that follows the first of four columns."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(len(ROWS), 4))
    y = (values[:, 0] + rng.normal(size=len(ROWS)) > 0).astype(np.int8)
    frame = pd.DataFrame({"sample_id": ROWS.astype(str)})
    samples = TaskSamples("mortality", frame, ("positive",), y[:, None], None)
    return samples, Matrix(values, tuple("abcd"), np.full(4, np.nan), ("series",) * 4)


def boosted(samples: TaskSamples, matrix: Matrix, params: BoostingParams = PARAMS) -> Boosted:
    fit = Fit(FOLD, 1, "x", lambda epoch: None)
    return fit_boosting(samples, matrix, fit, params, min_share=0.0, threads=1)


def flipped(samples: TaskSamples, rows: np.ndarray) -> TaskSamples:
    labels = samples.labels.copy()
    labels[rows] = 1 - labels[rows]
    return replace(samples, labels=labels)


def test_validation_rows_are_predicted_by_what_was_not_fitted_on_them() -> None:
    samples, matrix = problem()
    other = boosted(flipped(samples, FOLD.val), matrix)
    before = boosted(samples, matrix)
    # four iterations at most: the validation rows stop nothing
    assert np.array_equal(other.predict(FOLD.val), before.predict(FOLD.val))
    assert np.abs(other.predict(FOLD.test) - before.predict(FOLD.test)).max() > 0.01
    mixed = np.array([310, 205, 399, 299])
    whole = before.predict(ROWS)
    assert np.array_equal(before.predict(mixed), whole[mixed])


def test_rows_that_are_not_for_training_are_not_learnt_from() -> None:
    samples, matrix = problem()
    other = boosted(flipped(samples, UNUSED), matrix)
    assert np.array_equal(other.predict(ROWS), boosted(samples, matrix).predict(ROWS))


def test_as_many_iterations_are_fitted_again_as_validation_rows_allow(tmp_path: Path) -> None:
    samples, matrix = problem()
    long = replace(PARAMS, max_iter=200, patience=3, learning_rate=0.5)
    found = boosted(samples, matrix, long)
    found.save(tmp_path / "1")
    trees = {}
    for name in ("1", "1-stopped"):
        models, columns = load_trees(tmp_path / f"{name}.safetensors")
        assert columns == ["a", "b", "c", "d"]
        model = models["positive"]
        assert isinstance(model, BoostedTrees)
        trees[name] = len(model.first) - 1
    assert 3 < trees["1-stopped"] < 100
    assert trees["1"] == 2 * trees["1-stopped"] == found.summary()["trees"]["positive"]


@pytest.mark.parametrize("count", [1, 3])
def test_members_are_of_different_starts(count: int) -> None:
    samples, matrix = problem()
    p = boosted(samples, matrix, replace(PARAMS, members=count)).predict(FOLD.test)
    other = boosted(samples, matrix, replace(PARAMS, members=2)).predict(FOLD.test)
    assert not np.array_equal(p, other) and np.abs(p - other).max() < 0.2


def test_of_columns_that_tell_nearly_the_same_the_first_is_kept() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 500))
    noise = rng.normal(size=500)
    gaps = np.where(np.arange(500) < 2, np.nan, a)
    nothing = np.zeros(500)
    columns = [a, b, -2 * a + 1, a + 0.2 * noise, a + 2 * noise, gaps, nothing, b]
    features = np.column_stack(columns)
    assert unlike(features, limit=0.9).tolist() == [0, 1, 4, 6]
    assert unlike(features, limit=0.985).tolist() == [0, 1, 3, 4, 6]
    assert unlike(features, limit=1.0).tolist() == list(range(8))


def test_a_column_is_not_left_out_for_one_that_is_left_out_itself() -> None:
    rng = np.random.default_rng(3)
    a, first, second = rng.normal(size=(3, 5000))
    chain = np.column_stack([a, a + 0.4 * first, a + 0.4 * first + 0.4 * second])
    # correlations 0.93, 0.94 and 0.87
    assert unlike(chain, limit=0.9).tolist() == [0, 2]


def test_which_columns_are_alike_is_learnt_from_train_rows_alone() -> None:
    samples, matrix = problem()
    values = matrix.values.copy()
    values[:, 1] = values[:, 0]
    values[FOLD.val, 1] *= -1
    values[FOLD.test, 1] *= -1
    found = boosted(samples, replace(matrix, values=values), replace(PARAMS, most_alike=0.9))
    assert found.columns == ["a", "c", "d"]
    changed = matrix.values.copy()
    others = np.concatenate([FOLD.val, FOLD.test])
    changed[others, 1] = changed[others, 0]
    found = boosted(samples, replace(matrix, values=changed), replace(PARAMS, most_alike=0.9))
    assert found.columns == ["a", "b", "c", "d"]
