"""Windows of one stay in two folds: recognition, which ends where other patients are scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import validate
from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.estimate import Estimator
from fusehr.evaluate.defects.row_split import compare, overlapping


def stays(n: int, *, hours: int = 24) -> np.ndarray:
    """Random walks float32 (n, hours, 2) around levels of each stay's own."""
    rng = np.random.default_rng(0)
    level = rng.normal(scale=2.0, size=(n, 1, 2))
    return (level + 0.2 * rng.normal(size=(n, hours, 2)).cumsum(axis=1)).astype(np.float32)


def test_a_network_knows_stays_again_and_learns_nothing_about_others(
    params: DefectsParams, estimator: Estimator, covers_chance: Callable[[Any], bool]
) -> None:
    published, repaired = compare(stays(160), np.arange(160), params, estimator)
    assert published.value > 0.9 and published.low > 0.8
    assert covers_chance(repaired)
    assert (published.version, repaired.version) == ("published", "repaired")
    # 40 stays with 13 windows each are fitted on, a fifth left out; the other 120 are scored whole
    assert (published.n, repaired.n) == (104, 120 * 13)
    assert published.recipe == "lstm_row_split" and published.expected == "0.5"


def test_rows_are_the_same_on_every_run(params: DefectsParams, estimator: Estimator) -> None:
    first, second = (compare(stays(60), np.arange(60), params, estimator) for _ in range(2))
    assert first == second


def test_no_stay_at_all_is_said(params: DefectsParams, estimator: Estimator) -> None:
    for row in compare(stays(0), np.arange(0), params, estimator):
        assert np.isnan(row.value) and row.note.startswith("skipped: no ICU stay")


def test_windows_slide_over_each_stay() -> None:
    hours = np.arange(2 * 6 * 1).reshape(2, 6, 1)
    windows, stay = overlapping(hours, length=4, stride=2)
    assert windows[..., 0].tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [6, 7, 8, 9], [8, 9, 10, 11]]
    assert stay.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stride_hours": 12}, "windows would not overlap"),
        ({"window_hours": 25}, "window_hours 25 is above first_hours 24"),
    ],
)
def test_windows_that_would_show_nothing_are_refused(
    block: dict[str, Any], change: dict[str, int], said: str
) -> None:
    block["row_split"] |= change
    with pytest.raises(InputError, match=said):
        validate(block, DefectsParams, "defects")
