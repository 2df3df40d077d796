"""Folds: each patient in one, each stratum shared out, no surprise when patients are added."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusehr.core.params.tables import SplitParams
from fusehr.tables import splits

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}


def _params(kind: Literal["patient", "temporal", "cv"], **changes: Any) -> SplitParams:
    return SplitParams(**({"kind": kind, "seed": 7, "folds": 5, "cv_below_patients": 0} | changes))


def assign_folds(patients: pd.DataFrame, params: SplitParams) -> pd.DataFrame:
    """Of a source that says nothing itself, unless `patients` has folds."""
    given = patients if "fold" in patients else patients.assign(fold=None)
    return splits.assign_folds(given, params)


def _patients(strata: list[str]) -> pd.DataFrame:
    periods = ["2008 - 2010", "2011 - 2013", "2014 - 2016"]
    return pd.DataFrame(
        {
            "patient_id": [10_000_000 + 37 * i for i in range(len(strata))],
            "stratum": strata,
            "period": [periods[i % 3] for i in range(len(strata))],
        }
    )


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=400), st.integers(0, 99))
def test_every_stratum_has_its_share_of_each_fold(strata: list[str], seed: int) -> None:
    patients = _patients(strata)
    folds = assign_folds(patients, _params("patient", seed=seed))
    assert folds["patient_id"].tolist() == sorted(patients["patient_id"])
    joined = folds.merge(patients, on="patient_id")
    for _, group in joined.groupby("stratum"):
        for fold, share in SHARES.items():
            # ten in a row hold exactly 7, 1 and 2; the ends of a stratum may miss by one or two
            assert abs((group["fold"] == fold).sum() - share * len(group)) < 2.2


@given(st.lists(st.sampled_from("abc"), min_size=5, max_size=200))
def test_cross_validation_folds_differ_by_one_patient_at_most(strata: list[str]) -> None:
    sizes = assign_folds(_patients(strata), _params("cv"))["fold"].value_counts()
    assert len(sizes) == 5 and sizes.max() - sizes.min() <= 1


def test_few_patients_are_cross_validated_whatever_kind_says() -> None:
    folds = assign_folds(_patients(["a"] * 99), _params("patient", cv_below_patients=100))
    assert set(folds["fold"]) == {f"cv{i}" for i in range(5)}
    folds = assign_folds(_patients(["a"] * 100), _params("patient", cv_below_patients=100))
    assert set(folds["fold"]) == set(SHARES)


def test_temporal_split_tests_on_the_latest_period_alone() -> None:
    patients = _patients(["a"] * 300)
    joined = assign_folds(patients, _params("temporal")).merge(patients, on="patient_id")
    assert set(joined[joined["fold"] == "test"]["period"]) == {"2014 - 2016"}
    assert set(joined[joined["fold"] != "test"]["period"]) == {"2008 - 2010", "2011 - 2013"}
    assert (joined["fold"] == "val").sum() == 25


@pytest.mark.parametrize("kind", ["patient", "cv"])
def test_the_order_of_rows_changes_nothing_and_the_seed_does(
    kind: Literal["patient", "cv"],
) -> None:
    patients = _patients(list("aabbc") * 40)
    folds = assign_folds(patients, _params(kind))
    shuffled = assign_folds(patients.sample(frac=1, random_state=3), _params(kind))
    pd.testing.assert_frame_equal(folds, shuffled)
    assert not folds.equals(assign_folds(patients, _params(kind, seed=8)))


def test_the_source_may_say_who_tests() -> None:
    patients = _patients(["a", "b"] * 80)
    patients["fold"] = ["train", "train", "train", "test"] * 40
    folds = assign_folds(patients, _params("patient", cv_below_patients=1000))
    both = folds.merge(patients, on="patient_id", suffixes=("", "_given"))
    assert (both.loc[both["fold_given"] == "test", "fold"] == "test").all()
    assert both.loc[both["fold_given"] == "train", "fold"].value_counts().to_dict() == {
        "train": 105,
        "val": 15,
    }
    asked = assign_folds(patients, _params("cv"))
    assert set(asked["fold"]) == {f"cv{k}" for k in range(5)}
