"""Recalibration is fitted on validation patients, class by class."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.linear_model import LogisticRegression

from fusehr.core.calibration import logit
from fusehr.evaluate.scoring.conditions import Condition, conditions
from fusehr.evaluate.scoring.recalibration import recalibrate


def only(frame) -> Condition:
    (found,) = conditions(frame, source="file")
    return found


def test_it_equals_logistic_regression_on_the_validation_fold(fakes) -> None:
    condition = only(fakes.predictions("gbm", noise=1.0, tasks=("readmission",), seeds=(1, 2)))
    found = recalibrate(condition)
    assert found.unsolved == ()
    for s in (0, 1):
        fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
        fit.fit(logit(condition.val.probabilities[s]), condition.val.labels[:, 0])
        expected = fit.predict_proba(logit(condition.test.probabilities[s]))[:, 1]
        np.testing.assert_allclose(found.probabilities[s, :, 0], expected, rtol=1e-3)


def test_test_labels_do_not_touch_it(fakes) -> None:
    condition = only(fakes.predictions("gbm", noise=1.0, tasks=("readmission",)))
    flipped = dataclasses.replace(condition.test, labels=1 - condition.test.labels)
    np.testing.assert_array_equal(
        recalibrate(condition).probabilities,
        recalibrate(dataclasses.replace(condition, test=flipped)).probabilities,
    )


def test_exclusive_classes_sum_to_one_again(fakes) -> None:
    condition = only(fakes.predictions("gbm", noise=1.0, tasks=("triage",)))
    adjusted = recalibrate(condition).probabilities
    np.testing.assert_allclose(adjusted.sum(-1), 1.0)
    assert np.abs(adjusted - condition.test.probabilities).max() > 0.01


def test_without_validation_samples_scores_stay_as_they_are(fakes) -> None:
    frame = fakes.predictions("gbm", noise=1.0, tasks=("mortality",))
    condition = only(frame[frame["fold"] == "test"])
    found = recalibrate(condition)
    np.testing.assert_array_equal(found.probabilities, condition.test.probabilities)
    assert found.unsolved == ("positive: no samples in the validation fold",)
