"""Deaths among the positives of a readmission model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.deaths import compare, last_values
from fusehr.evaluate.defects.estimate import Estimator

NAN = np.nan


def test_a_model_of_death_passes_for_one_of_readmission(
    params: DefectsParams, estimator: Estimator, covers_chance: Callable[[Any], bool]
) -> None:
    rng = np.random.default_rng(2)
    hours = rng.normal(size=(900, 4, 2)).astype(np.float32)
    died = hours[:, -1, 0] > 1.0
    readmitted = ((rng.random(900) < 0.06) & ~died).astype(np.int8)
    shares, source, strangers = np.split(
        np.array(compare(hours, died, readmitted, np.arange(900), params, estimator), dtype=object),
        3,
    )
    expected = died.sum() / (died.sum() + readmitted.sum())
    assert shares[0].value == pytest.approx(expected) and expected > 0.7
    assert shares[1].value == 0.0 and shares[1].n == readmitted.sum()
    for published, repaired in (source, strangers):
        assert published.value > 0.8
        assert covers_chance(repaired)


def test_readmissions_that_vitals_tell_are_found_on_the_source_alone(
    params: DefectsParams, estimator: Estimator, covers_chance: Callable[[Any], bool]
) -> None:
    rng = np.random.default_rng(4)
    hours = rng.normal(size=(900, 4, 2)).astype(np.float32)
    died = rng.random(900) < 0.2
    readmitted = ((hours[:, -1, 1] > 1.0) & ~died).astype(np.int8)
    rows = compare(hours, died, readmitted, np.arange(900), params, estimator)
    assert rows[3].value > 0.95 and covers_chance(rows[5])


def test_no_stay_is_said(params: DefectsParams, estimator: Estimator) -> None:
    nobody = np.zeros(0, np.int8)
    hours = np.zeros((0, 4, 2), np.float32)
    for row in compare(hours, nobody == 1, nobody, nobody, params, estimator):
        assert np.isnan(row.value) and row.note.startswith("skipped: no ICU stay")


def test_the_last_charted_value_is_the_feature() -> None:
    hours = np.array(
        [[[1, NAN], [3, NAN], [NAN, NAN]], [[5, 7], [NAN, 7], [NAN, 9]]], dtype=np.float32
    )
    found = last_values(hours, np.array([False, True]), clip_share=0.0)
    # fitted on the second: 5 is its only first value, 7, 7 and 9 are its second ones
    deviation = np.std([7, 7, 9])
    np.testing.assert_allclose(
        found,
        [[3 - 5, 0, 1, 0], [0, (9 - np.mean([7, 7, 9])) / deviation, 1, 1]],
        rtol=1e-6,
    )
