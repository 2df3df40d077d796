"""Curves on a grid agree with scikit-learn's at the grid's points."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from fusehr.evaluate.scoring.curves import GRID, calibration_table, pr_on_grid, roc_on_grid


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    y = (rng.uniform(size=300) < 0.3).astype(int)
    return y, np.round(np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1), 2)  # with ties


def test_roc_holds_the_area_and_the_best_points(case: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = case
    curve = roc_on_grid(y, p)
    false_alarms, hits, _ = sk.roc_curve(y, p, drop_intermediate=False)
    assert np.trapezoid(curve, GRID) == pytest.approx(sk.roc_auc_score(y, p), abs=0.005)
    for i in (5, 50, 90):
        at_most = hits[false_alarms <= GRID[i] + 1e-12].max()
        at_least = hits[false_alarms >= GRID[i] - 1e-12].min()
        assert at_most - 1e-12 <= curve[i] <= max(at_least, at_most) + 1e-12
    assert curve[-1] == 1.0
    assert (np.diff(curve) >= -1e-12).all()


def test_roc_of_constant_scores_is_the_diagonal() -> None:
    np.testing.assert_allclose(roc_on_grid(np.array([0, 1, 0]), np.full(3, 0.4)), GRID)


def test_roc_takes_the_top_of_a_vertical_step() -> None:
    curve = roc_on_grid(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.6]))
    assert (curve[0], curve[49], curve[50], curve[100]) == (0.5, 0.5, 1.0, 1.0)


def test_pr_gives_the_precision_of_the_threshold_that_reaches_each_sensitivity(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    y, p = case
    curve = pr_on_grid(y, p)
    for i in (0, 30, 77, 100):
        thresholds = sorted(set(p), reverse=True)
        reached = next(
            t
            for t in thresholds
            if y[p >= t].sum() / y.sum() >= GRID[i] - 1e-9 and np.sum(p >= t) >= 10
        )
        assert curve[i] == pytest.approx(y[p >= reached].mean())


def test_one_class_has_no_curve() -> None:
    for on_grid in (roc_on_grid, pr_on_grid):
        assert np.isnan(on_grid(np.ones(3), np.array([0.1, 0.2, 0.3]))).all()


def test_calibration_pools_seeds_and_counts_samples_once() -> None:
    labels = np.array([[0], [0], [1], [1]])
    p = np.array([[[0.1], [0.2], [0.7], [0.9]], [[0.2], [0.8], [0.6], [0.9]]])  # two seeds
    table = calibration_table(labels, p, bins=2)
    # Low bin: .1 .2 of the first seed, .2 .6 of the second, of samples 0, 1 and 2.
    assert table["n"].tolist() == [3, 3]
    assert table["n_positive"].tolist() == [1, 2]
    np.testing.assert_allclose(table["predicted"], [1.1 / 4, 3.3 / 4])
    np.testing.assert_allclose(table["observed"], [1 / 4, 3 / 4])
