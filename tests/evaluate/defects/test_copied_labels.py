"""Labels that stand in the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.copied_labels import Visits, compare, read_visits
from fusehr.evaluate.defects.estimate import Estimator


def visits(n: int, n_last: int) -> Visits:
    """Diagnoses that say nothing about the next ones; every second patient has two visits."""
    rng = np.random.default_rng(1)
    return Visits(
        current=rng.integers(2, size=(n, 4)),
        following=rng.integers(2, size=(n, 4)),
        patients=np.arange(n) // 2,
        last=rng.integers(2, size=(n_last, 4)),
        last_patients=np.arange(n_last),
    )


def test_repeating_the_input_scores_only_where_labels_are_copies_of_it(
    params: DefectsParams, estimator: Estimator, covers_chance: Callable[[Any], bool]
) -> None:
    shares, source, strangers = np.split(
        np.array(compare(visits(600, 1400), params, estimator), dtype=object), 3
    )
    # 70 % of the labels are copies, and one of 16 others is equal by chance
    assert shares[0].value == pytest.approx(0.7 + 0.3 / 16, abs=0.02)
    assert shares[1].value == pytest.approx(1 / 16, abs=0.03)
    # copies are ranked perfectly, the others by chance
    for published, repaired in (source, strangers):
        assert published.value == pytest.approx(0.85, abs=0.03)
        assert covers_chance(repaired) and repaired.n == 600
    assert strangers[0].expected == "0.5" and source[0].expected == ""


def test_without_copies_both_versions_are_one(params: DefectsParams, estimator: Estimator) -> None:
    rows = compare(visits(300, 0), params, estimator)
    assert [row.value for row in rows[::2]] == [row.value for row in rows[1::2]]


def test_what_the_source_tells_is_gone_with_strangers_labels(
    params: DefectsParams, estimator: Estimator, covers_chance: Callable[[Any], bool]
) -> None:
    same = replace(visits(600, 10), following=visits(600, 10).current)
    rows = compare(same, params, estimator)
    assert rows[3].value == 1.0 and covers_chance(rows[5])


def test_no_visit_with_a_next_one_is_said(params: DefectsParams, estimator: Estimator) -> None:
    for row in compare(visits(0, 20), params, estimator):
        assert np.isnan(row.value) and row.note == "skipped: no visit with a next one"


def test_visits_of_the_tables_fall_in_those_with_and_without_a_next_one(
    tmp_path: Path, write_hospital: Callable[..., Path]
) -> None:
    found = read_visits(write_hospital(tmp_path, patients=8, notes=False), threads=1)
    # of 8 patients 2 die in their only visit; 6 have two, the second without a next one
    assert found.current.shape == found.following.shape == (6, 3)
    assert sorted(found.last_patients) == list(range(1000, 1008))
    again = {patient: k for k, patient in enumerate(found.last_patients)}
    for row, patient in enumerate(found.patients):
        assert found.following[row].tolist() == found.last[again[patient]].tolist()
