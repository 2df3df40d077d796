"""Packed trees predict what the estimator predicts, to the last bit, also when read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from fusehr.train.tabular.boosting import correlated
from fusehr.train.tabular.trees import BoostedTrees, load_trees, save_trees

COLUMNS = np.array([0, 2, 3, 4])


@pytest.fixture(scope="module", params=[2, 3])
def fitted(request: pytest.FixtureRequest) -> tuple[HistGradientBoostingClassifier, np.ndarray]:
    """A model of two or three classes on columns 0, 2, 3, 4 of five, a third of them missing."""
    rng = np.random.default_rng(request.param)
    features = rng.normal(size=(400, 5))
    features[rng.random(features.shape) < 0.3] = np.nan
    known = np.nan_to_num(features)
    y = (known[:, 0] + known[:, 2] * known[:, 3] > 0.2).astype(int)
    if request.param == 3:
        y[known[:, 4] > 0.8] = 2
    model = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=7, random_state=0)
    return model.fit(features[:, COLUMNS], y), features


def test_they_predict_what_the_estimator_predicts(
    fitted: tuple[HistGradientBoostingClassifier, np.ndarray],
) -> None:
    model, features = fitted
    trees = BoostedTrees.of(model, columns=COLUMNS)
    expected = model.predict_proba(features[:, COLUMNS])
    assert len(np.unique(expected)) > 100
    np.testing.assert_array_equal(trees.predict_proba(features), expected)


def test_they_are_the_same_when_read_back(
    fitted: tuple[HistGradientBoostingClassifier, np.ndarray], tmp_path: Path
) -> None:
    model, features = fitted
    trees = BoostedTrees.of(model, columns=COLUMNS)
    names = [f"feature {k}" for k in range(5)]
    save_trees({"Gout": 0.25, "Shock": trees}, names, tmp_path / "a.safetensors")
    models, columns = load_trees(tmp_path / "a.safetensors")
    assert columns == names
    assert models["Gout"] == 0.25
    read = models["Shock"]
    assert isinstance(read, BoostedTrees)
    np.testing.assert_array_equal(read.predict_proba(features), trees.predict_proba(features))
    np.testing.assert_array_equal(read.classes_, trees.classes_)


def test_the_mean_of_models_has_their_mean_score(
    fitted: tuple[HistGradientBoostingClassifier, np.ndarray],
) -> None:
    model, features = fitted
    other = HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=3, random_state=0)
    other.fit(features[:200, COLUMNS], model.predict(features[:200, COLUMNS]))
    both = [BoostedTrees.of(one, columns=COLUMNS) for one in (model, other)]
    logs = np.mean([np.log(one.predict_proba(features)) for one in both], axis=0)
    expected = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    mean = BoostedTrees.mean(both)
    np.testing.assert_allclose(mean.predict_proba(features), expected, rtol=0, atol=1e-12)
    assert np.abs(expected - both[0].predict_proba(features)).max() > 0.01


def test_the_most_correlated_columns_are_chosen_in_their_order() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=500)
    features = rng.normal(size=(500, 6))
    features[:, 4] -= 2 * y
    features[:, 1] += y
    features[::3, 1] = np.nan
    features[:, 0] = 7.0
    assert correlated(features, y, count=2).tolist() == [1, 4]
    assert correlated(features, y, count=99).tolist() == list(range(6))
