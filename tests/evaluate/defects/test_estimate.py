"""Numbers with intervals over patients, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from fusehr.evaluate.defects.bag import bag
from fusehr.evaluate.defects.estimate import Estimator
from fusehr.evaluate.defects.patients import drawn_patients, from_other_patients

ESTIMATOR = Estimator(draws=300, seed=1, min_patients=10)


def test_auroc_is_the_mean_over_classes_of_scikit_learn_s() -> None:
    rng = np.random.default_rng(0)
    labels, patients = rng.integers(2, size=(80, 3)), np.arange(80) // 2
    scores = labels + rng.normal(size=labels.shape)
    found = ESTIMATOR.auroc(labels, scores, patients)
    assert found.value == pytest.approx(roc_auc_score(labels, scores))
    assert found.low < found.value < found.high
    assert (found.n, found.n_patients) == (80, 40)


def test_a_class_of_few_patients_does_not_count() -> None:
    rng = np.random.default_rng(0)
    labels, patients = np.zeros((60, 2), int), np.arange(60)
    labels[:30, 0] = 1
    labels[:9, 1] = 1
    scores = rng.normal(size=labels.shape)
    found = ESTIMATOR.auroc(labels, scores, patients)
    assert found.value == pytest.approx(roc_auc_score(labels[:, 0], scores[:, 0]))
    none = ESTIMATOR.auroc(labels[:, 1:], scores[:, 1:], patients)
    assert np.isnan(none.value) and none.reason == "fewer than 10 patients of either label"
    assert none.n == none.n_patients == 0


def test_many_samples_of_few_patients_are_few() -> None:
    labels = np.repeat([0, 1], 50)[:, None]
    assert ESTIMATOR.auroc(labels, labels * 1.0, np.arange(100) // 10).reason


def test_the_interval_of_a_share_is_over_patients() -> None:
    counted = np.repeat([True, False], [200, 200])
    rows, people = np.arange(400), np.arange(400) // 10
    single, clustered = (ESTIMATOR.share(counted, of) for of in (rows, people))
    assert single.value == clustered.value == 0.5
    # ten samples that go together are worth one: the interval is sqrt(10) times as wide
    ratio = (clustered.high - clustered.low) / (single.high - single.low)
    assert ratio == pytest.approx(10**0.5, rel=0.25)


def test_none_of_enough_patients_is_a_share_and_few_are_not() -> None:
    assert ESTIMATOR.share(np.zeros(20, bool), np.arange(20)).value == 0.0
    assert ESTIMATOR.share(np.arange(20) < 3, np.arange(20)).reason
    assert ESTIMATOR.share(np.zeros(9, bool), np.arange(9)).reason
    assert ESTIMATOR.share(np.zeros(0, bool), np.arange(0)).reason


@given(st.lists(st.integers(1, 4), min_size=5, max_size=30), st.integers(0, 99))
def test_what_is_taken_is_another_patient_s_and_each_sample_once(
    visits: list[int], seed: int
) -> None:
    patients = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(visits)), visits))
    taken = from_other_patients(patients, name="test", seed=seed)
    assert sorted(taken) == list(range(len(patients)))
    if max(visits) * 2 <= len(patients):
        assert not np.any(patients[taken] == patients)


@given(st.floats(0.1, 0.9), st.integers(0, 99))
def test_a_draw_takes_whole_patients_whatever_their_order(share: float, seed: int) -> None:
    patients = np.repeat(np.arange(40), 3)
    drawn = drawn_patients(patients, share=share, name="test", seed=seed)
    assert len(np.unique(patients[drawn])) == round(share * 40) and drawn.sum() % 3 == 0
    backwards = drawn_patients(patients[::-1], share=share, name="test", seed=seed)
    assert backwards.tolist() == drawn[::-1].tolist()


def test_a_bag_holds_words_that_enough_fitted_samples_have() -> None:
    words = [{"b", "a"}, {"a"}, {"c", "a"}, {"c", "b"}]
    fitted = np.array([True, True, False, True])
    assert bag(words, fitted, min_share=0.5).toarray().tolist() == [[1, 1], [1, 0], [1, 0], [0, 1]]
    assert bag([set()] * 4, fitted, min_share=0.5).shape == (4, 0)
