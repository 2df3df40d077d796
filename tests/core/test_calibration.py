"""Recalibration equals unpenalised logistic regression; resamples of it equal refits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fusehr.core.calibration import calibration, expit, logit
from fusehr.core.metrics import Weights, undefined_reason


@pytest.mark.parametrize("seed", range(4))
def test_calibration_equals_unpenalised_logistic_regression(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.001, 0.6, 150)
    y = (rng.uniform(size=150) < expit(0.5 + 0.7 * logit(p))).astype(int)
    fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    fit.fit(logit(p)[:, None], y)
    found = calibration(y, p)
    assert found.slope == pytest.approx(fit.coef_[0, 0], rel=1e-4)
    assert found.intercept == pytest.approx(np.ravel(fit.intercept_)[0], rel=1e-4, abs=1e-4)
    np.testing.assert_allclose(
        found.apply(p), fit.predict_proba(logit(p)[:, None])[:, 1], rtol=1e-3
    )


def test_calibration_of_resamples_is_close_to_refitting() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(0.01, 0.5, 800)
    y = (rng.uniform(size=800) < p).astype(int)
    weights = rng.multinomial(800, [1 / 800] * 800, size=60)
    slopes, intercepts = calibration(y, p).resampled(y, p, Weights(weights.T))
    for row, slope, intercept in zip(weights, slopes, intercepts, strict=True):
        drawn = np.repeat(np.arange(800), row)
        refit = calibration(y[drawn], p[drawn])
        # A twentieth of the spread among resamples.
        assert slope == pytest.approx(refit.slope, abs=0.05 * slopes.std())
        assert intercept == pytest.approx(refit.intercept, abs=0.05 * intercepts.std())


def test_calibration_without_a_solution_keeps_the_scores() -> None:
    y = np.array([0, 0, 1, 1])
    separated = calibration(y, np.array([0.1, 0.2, 0.2, 0.9]))
    assert separated.reason == "scores separate the classes"
    constant = calibration(y, np.full(4, 0.3))
    assert constant.reason == "constant scores"
    np.testing.assert_array_equal(constant.apply(np.array([0.4])), [0.4])
    assert np.isnan(constant.resampled(y, np.full(4, 0.3), Weights(np.ones((4, 2))))[0]).all()


def test_certain_scores_have_a_finite_logit() -> None:
    y = np.array([0, 1, 0, 1, 1, 0])
    fit = calibration(y, np.array([0.0, 1.0, 1.0, 0.0, 0.6, 0.4]))
    assert np.isfinite([fit.slope, fit.intercept]).all()


@pytest.mark.parametrize("y", [[1, 1, 1], [0, 0], []])
def test_one_class_has_no_calibration(y: list[int]) -> None:
    found = calibration(np.array(y), np.linspace(0.2, 0.7, len(y)))
    assert found.reason == undefined_reason(np.array(y)) != ""


def test_scores_of_one_patient_share_a_weight_whatever_the_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(6)
    owner = np.concatenate([np.arange(40), rng.integers(0, 40, 160)])
    p = rng.uniform(0.05, 0.6, 200)
    y = (rng.uniform(size=200) < p).astype(int)
    weights = rng.multinomial(40, [1 / 40] * 40, size=9).T
    fit = calibration(y, p)
    alone = fit.resampled(y, p, Weights(weights[owner]))
    for cells in (1 << 16, 70):
        monkeypatch.setattr("fusehr.core.calibration.BLOCK_CELLS", cells)
        shared = fit.resampled(y, p, Weights(weights), owner=owner)
        np.testing.assert_allclose(shared, alone, atol=1e-5)


def test_the_whole_sample_gives_back_the_fit() -> None:
    rng = np.random.default_rng(7)
    p = rng.uniform(0.01, 0.5, 500)
    y = (rng.uniform(size=500) < p**1.3).astype(int)
    fit = calibration(y, p)
    slope, intercept = fit.resampled(y, p, Weights(np.ones((500, 1), np.int32)))
    assert slope[0] == pytest.approx(fit.slope, abs=1e-5)
    assert intercept[0] == pytest.approx(fit.intercept, abs=1e-5)
