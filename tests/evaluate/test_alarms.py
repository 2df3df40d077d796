"""Alarms per patient-day, on a case small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fusehr.core.metrics import WIDE, Weights
from fusehr.evaluate.scoring.alarms import Alarms

#            patient 1   patient 2  patient 3  patient 4
PATIENTS = np.array([1, 1, 1, 2, 2, 3, 3, 4, 4, 4])
Y = np.array([0, 1, 1, 0, 1, 0, 0, 1, 0, 0])
P = np.array([0.1, 0.3, 0.9, 0.8, 0.6, 0.7, 0.2, 0.2, 0.4, 0.5])


def values(sensitivity: float, *weights: int) -> tuple[float, float]:
    """weights: how often each of the four patients counts."""
    alarms = Alarms(Y, P, PATIENTS - 1, sensitivity=sensitivity, step_hours=12)
    found = alarms.values(Weights(np.array(weights or (1, 1, 1, 1), np.int32)[:, None]))
    return float(found["alarms_per_patient_day"][0]), float(found["alarm_ppv"][0])


def test_threshold_announces_the_wanted_share_of_events() -> None:
    # Events' best windows: patient 1 at .9, patient 2 at .6, patient 4 at .2. Two of three events
    # need the threshold .6, which four windows reach (.9, .8, .7, .6), two of them positive; ten
    # windows of 12 hours are five days.
    assert values(2 / 3) == (pytest.approx(4 / 5), pytest.approx(2 / 4))
    # All events need .2, which also the other windows at .2 reach: nine alarms.
    assert values(0.8) == (pytest.approx(9 / 5), pytest.approx(4 / 9))


def test_patients_left_out_of_a_draw_do_not_count() -> None:
    # Events weigh 2 (.9) and 1 (.6); four fifths of three need both. Windows at .6 or above:
    # .9 twice, .8, .7, .6; three of the five are positive; ten weighted windows.
    assert values(0.8, 2, 1, 1, 0) == (pytest.approx(5 / 5), pytest.approx(3 / 5))


def test_without_events_there_is_no_value() -> None:
    none = Alarms(np.zeros(10), P, PATIENTS - 1, sensitivity=0.8, step_hours=12)
    found = none.values(Weights(np.ones((4, 1), np.int32)))
    assert np.isnan(found["alarms_per_patient_day"]).all()
    assert np.isnan(values(0.8, 0, 0, 1, 0)).all()


def test_many_draws_equal_one_at_a_time() -> None:
    draws = np.random.default_rng(2).integers(0, 3, (4, WIDE + 5)).astype(np.int32)
    alarms = Alarms(Y, P, PATIENTS - 1, sensitivity=0.8, step_hours=12)
    together = np.stack(list(alarms.values(Weights(draws)).values()))
    alone = np.array([values(0.8, *column) for column in draws.T.tolist()]).T
    np.testing.assert_allclose(together, alone)
