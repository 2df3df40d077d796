"""Every metric equals scikit-learn's where scikit-learn has it: ties, constant scores, weights."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

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


@FEW
@given(scored(), st.integers(0, 2**32 - 1), st.sampled_from([1, 150, 1 << 16]))
def test_many_draws_of_patients_equal_one_at_a_time(
    case: tuple[Array, Array, Array], seed: int, cells: int
) -> None:
    """Wide weights are added row by row, thresholds come in blocks, patients own several scores."""
    y, p, _ = case
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, 5, len(y))
    weights = rng.integers(0, 3, (5, metrics.WIDE + 6)).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "BLOCK_CELLS", cells)
        together = metrics.Ranking(y, p, owner=owner).values(metrics.Weights(weights))
    alone = {
        "auroc": metrics.auroc,
        "auprc": metrics.auprc,
        "min_p_se": metrics.min_p_se,
        "sens_at_spec90": metrics.sensitivity_at_specificity,
    }
    assert set(together) == set(alone)
    for name, metric in alone.items():
        each = [metric(y, p, weights=column[owner]) for column in weights.T]
        np.testing.assert_allclose(together[name], each, atol=1e-12)


def test_terms_of_patients_add_up() -> None:
    terms, owner = np.arange(12.0).reshape(6, 2), np.array([2, 0, 2, 2, 0, 3])
    expected = [[10.0, 12.0], [0.0, 0.0], [10.0, 13.0], [10.0, 11.0]]
    np.testing.assert_array_equal(metrics.per_unit(terms, owner, 4), expected)


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
