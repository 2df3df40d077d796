"""Predictions become arrays, and what is not regular is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.evaluate.scoring.conditions import conditions


@pytest.fixture
def frame(fakes) -> pd.DataFrame:
    return fakes.predictions("gbm", noise=1.0, tasks=("triage",), seeds=(1, 2))


def test_rows_in_any_order_give_the_same_arrays(frame: pd.DataFrame) -> None:
    (tidy,) = conditions(frame, source="file")
    (mixed,) = conditions(frame.sample(frac=1, random_state=0), source="file")
    assert tidy.classes == ("high", "medium", "low")  # by urgency, not by name
    assert tidy.test.probabilities.shape == (2, 140, 3)
    np.testing.assert_array_equal(tidy.test.samples, mixed.test.samples)
    np.testing.assert_array_equal(tidy.test.probabilities, mixed.test.probabilities)
    row = frame.iloc[200]
    i = list(tidy.test.samples).index(row["sample_id"])
    k = tidy.classes.index(row["class"])
    assert tidy.test.probabilities[0, i, k] == row["p"]
    assert tidy.test.labels[i, k] == row["y"]
    assert tidy.test.patients[i] == row["patient_id"]


def test_digest_tells_other_labels_apart_but_not_other_scores(frame: pd.DataFrame) -> None:
    (one,) = conditions(frame, source="file")
    (scores,) = conditions(frame.assign(p=0.5), source="file")
    swapped = frame["class"].map({"high": "low", "low": "high", "medium": "medium"})
    (labels,) = conditions(frame.assign(**{"class": swapped}), source="file")
    assert one.digest() == scores.digest() != labels.digest()


@pytest.mark.parametrize(
    ("spoil", "column"),
    [
        (lambda f: f.drop(index=f.index[3]), "sample_id"),
        (lambda f: f.assign(y=f["y"].where(f.index != 3, 1 - f["y"])), "sample_id"),
        (lambda f: f.assign(patient_id=f["patient_id"].where(f.index != 3, 5)), "sample_id"),
        (lambda f: f[f["class"] != "low"], "class"),
        (lambda f: f[f["fold"] == "val"], "fold"),
        (lambda f: f.assign(split_sha=f["sample_id"]), "split_sha"),
        (lambda f: f.assign(y=1), "y"),
    ],
)
def test_irregular_predictions_are_refused(frame: pd.DataFrame, spoil, column: str) -> None:
    with pytest.raises(InputError, match=rf"file: triage, variant full.*column {column}:"):
        list(conditions(spoil(frame), source="file"))
