"""Every metric equals scikit-learn's where scikit-learn has it: ties, constant scores, weights."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from fusehr.core import metrics
from fusehr.core.metrics import Array

FEW = settings(max_examples=60, deadline=None)


@st.composite
def scored(draw: st.DrawFn, *, both: bool = True) -> tuple[Array, Array, Array]:
    """Labels, probabilities with many ties, and weights with zeros; each class has some weight."""
    n = draw(st.integers(4, 40))
    y = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)), dtype=np.int8)
    steps = draw(st.sampled_from([1, 3, 10, 997]))
    p = np.array(draw(st.lists(st.integers(0, steps), min_size=n, max_size=n))) / steps
    w = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 7.0]), min_size=n, max_size=n)))
    if both:
        y[:2], w[:2] = (0, 1), 1.0
    return y, p, w


@FEW
@given(scored())
def test_ranking_metrics_equal_sklearn(case: tuple[Array, Array, Array]) -> None:
    y, p, w = case
    assert metrics.auroc(y, p) == pytest.approx(sk.roc_auc_score(y, p))
    assert metrics.auroc(y, p, weights=w) == pytest.approx(sk.roc_auc_score(y, p, sample_weight=w))
    assert metrics.auprc(y, p) == pytest.approx(sk.average_precision_score(y, p))
    assert metrics.auprc(y, p, weights=w) == pytest.approx(
        sk.average_precision_score(y, p, sample_weight=w)
    )
    precision, recall, _ = sk.precision_recall_curve(y, p, sample_weight=w)
    assert metrics.min_p_se(y, p, weights=w) == pytest.approx(np.minimum(precision, recall).max())
    false_alarms, hits, _ = sk.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
    expected = hits[false_alarms <= 0.1 + 1e-9].max()
    assert metrics.sensitivity_at_specificity(y, p, weights=w) == pytest.approx(expected)


@FEW
@given(scored(both=False))
def test_brier_and_net_benefit_equal_their_definitions(case: tuple[Array, Array, Array]) -> None:
    y, p, w = case
    w[0] = 1.0
    assert metrics.brier(y, p) == pytest.approx(sk.brier_score_loss(y, p, labels=[0, 1]))
    assert metrics.brier(y, p, weights=w) == pytest.approx(
        sk.brier_score_loss(y, p, sample_weight=w, labels=[0, 1])
    )
    true = sum(w[i] for i in range(len(y)) if p[i] >= 0.2 and y[i] == 1)
    false = sum(w[i] for i in range(len(y)) if p[i] >= 0.2 and y[i] == 0)
    expected = true / w.sum() - false / w.sum() * 0.2 / 0.8
    assert metrics.net_benefit(y, p, threshold=0.2, weights=w) == pytest.approx(expected)


@FEW
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), min_size=1))
def test_class_metrics_equal_sklearn(cases: list[tuple[int, int, int]]) -> None:
    truth, named, weight = (np.array(column) for column in zip(*cases, strict=True))
    weight[0] = 2
    matrix = metrics.confusion(truth, named, classes=3, weights=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        usual = {"sample_weight": weight, "labels": [0, 1, 2]}
        np.testing.assert_allclose(matrix, sk.confusion_matrix(truth, named, **usual))
        f1 = sk.f1_score(truth, named, average="weighted", **usual)
        kappa = sk.cohen_kappa_score(truth, named, weights="quadratic", **usual)
    assert metrics.weighted_f1(matrix) == pytest.approx(f1)
    assert metrics.quadratic_kappa(matrix) == pytest.approx(kappa, nan_ok=True)
    assert metrics.under_triage(matrix) == pytest.approx(weight[named > truth].sum() / weight.sum())
    assert metrics.over_triage(matrix) == pytest.approx(weight[named < truth].sum() / weight.sum())


@FEW
@given(scored(), st.integers(0, 2**32 - 1))
def test_many_weight_vectors_equal_one_at_a_time(
    case: tuple[Array, Array, Array], seed: int
) -> None:
    y, p, _ = case
    weights = np.random.default_rng(seed).integers(0, 4, (7, len(y))).astype(np.int32)
    for metric in (
        metrics.auroc,
        metrics.auprc,
        metrics.min_p_se,
        metrics.sensitivity_at_specificity,
        metrics.brier,
        metrics.ece,
    ):
        together = metric(y, p, weights=weights)
        assert together.shape == (7,)
        for row, value in zip(weights, together, strict=True):
            resampled = np.repeat(np.arange(len(y)), row)
            alone = metric(y, p, weights=row)
            np.testing.assert_allclose(alone, value)
            if metric is not metrics.ece:  # its bins are those of the sample, not of the resample
                np.testing.assert_allclose(metric(y[resampled], p[resampled]), value)


def test_narrow_integer_weights_do_not_overflow() -> None:
    y = np.tile([0, 1], 400)
    p = np.linspace(0, 1, 800)
    few = np.ones(800, np.int8)
    assert metrics.auroc(y, p, weights=few) == pytest.approx(sk.roc_auc_score(y, p))


@pytest.mark.parametrize(
    ("y", "reason"),
    [([1, 1, 1], "no negative sample"), ([0, 0], "no positive sample"), ([], "no samples")],
)
def test_one_class_is_undefined_and_says_why(y: list[int], reason: str) -> None:
    labels, p = np.array(y), np.linspace(0.2, 0.7, len(y))
    assert metrics.undefined_reason(labels) == reason
    for metric in (
        metrics.auroc,
        metrics.auprc,
        metrics.min_p_se,
        metrics.sensitivity_at_specificity,
    ):
        assert np.isnan(metric(labels, p))
    assert metrics.calibration(labels, p).reason == reason


def test_a_draw_without_positives_is_undefined_among_others_that_are_not() -> None:
    y, p = np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.6, 0.7])
    weights = np.array([[0, 2, 0, 1], [1, 1, 1, 1]], np.int32)
    for metric in (metrics.auroc, metrics.auprc, metrics.min_p_se):
        assert np.isnan(metric(y, p, weights=weights)).tolist() == [True, False]


def test_specificity_of_exactly_nine_in_ten_is_allowed() -> None:
    # One of ten negatives lies above the second positive; 1 - 0.9 is under 0.1 in binary.
    y = np.array([1, 0, 1] + [0] * 9)
    p = np.linspace(1, 0, 12)
    assert metrics.sensitivity_at_specificity(y, p) == 1.0


def test_ece_equals_a_loop_over_bins() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(size=200)  # no ties: bins are tenths of the sorted sample
    y = (rng.uniform(size=200) < p**2).astype(int)
    gaps = [abs((y[part] - p[part]).sum()) / 200 for part in np.array_split(np.argsort(p), 10)]
    assert metrics.ece(y, p, bins=10) == pytest.approx(sum(gaps))


def test_equal_scores_share_a_bin_in_any_order() -> None:
    p = np.array([0.1] * 7 + [0.5] * 2 + [0.9])
    shuffled = np.random.default_rng(0).permutation(10)
    bins = metrics.equal_mass_bins(p, 5)
    assert [len(set(bins[p == value])) for value in (0.1, 0.5, 0.9)] == [1, 1, 1]
    np.testing.assert_array_equal(metrics.equal_mass_bins(p[shuffled], 5), bins[shuffled])


@pytest.mark.parametrize("seed", range(4))
def test_calibration_equals_unpenalised_logistic_regression(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.001, 0.6, 150)
    y = (rng.uniform(size=150) < metrics.expit(0.5 + 0.7 * metrics.logit(p))).astype(int)
    fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    fit.fit(metrics.logit(p)[:, None], y)
    found = metrics.calibration(y, p)
    assert found.slope == pytest.approx(fit.coef_[0, 0], rel=1e-4)
    assert found.intercept == pytest.approx(np.ravel(fit.intercept_)[0], rel=1e-4, abs=1e-4)
    np.testing.assert_allclose(
        found.apply(p), fit.predict_proba(metrics.logit(p)[:, None])[:, 1], rtol=1e-3
    )


def test_calibration_of_resamples_is_close_to_refitting() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(0.01, 0.5, 800)
    y = (rng.uniform(size=800) < p).astype(int)
    weights = rng.multinomial(800, [1 / 800] * 800, size=60)
    slopes, intercepts = metrics.calibration(y, p).resampled(y, p, weights)
    for row, slope, intercept in zip(weights, slopes, intercepts, strict=True):
        drawn = np.repeat(np.arange(800), row)
        refit = metrics.calibration(y[drawn], p[drawn])
        # A twentieth of the spread among resamples.
        assert slope == pytest.approx(refit.slope, abs=0.05 * slopes.std())
        assert intercept == pytest.approx(refit.intercept, abs=0.05 * intercepts.std())


def test_calibration_without_a_solution_keeps_the_scores() -> None:
    y = np.array([0, 0, 1, 1])
    separated = metrics.calibration(y, np.array([0.1, 0.2, 0.2, 0.9]))
    assert separated.reason == "scores separate the classes"
    constant = metrics.calibration(y, np.full(4, 0.3))
    assert constant.reason == "constant scores"
    np.testing.assert_array_equal(constant.apply(np.array([0.4])), [0.4])
    assert np.isnan(constant.resampled(y, np.full(4, 0.3), np.ones((2, 4)))[0]).all()


def test_certain_scores_have_a_finite_logit() -> None:
    y = np.array([0, 1, 0, 1, 1, 0])
    fit = metrics.calibration(y, np.array([0.0, 1.0, 1.0, 0.0, 0.6, 0.4]))
    assert np.isfinite([fit.slope, fit.intercept]).all()
