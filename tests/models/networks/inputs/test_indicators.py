"""Indicators keep their places, and those that are not known are not there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from fusehr.core.frame.errors import InputError
from fusehr.models.networks.inputs.indicators import load_indicators

from .conftest import WIDTH, World, vector


def test_an_absent_indicator_leaves_its_place_empty(world: Callable[[int], World]) -> None:
    made = world(3)
    known = {"s0": {0: "age 60", 4: "pulse 80", 30: "lactate 2"}, "s2": {4: "pulse 90"}, "s1": {}}
    made.indicators(known)
    made.embed([text for texts in known.values() for text in texts.values()])
    grid = load_indicators(made.con, made.samples, made.embedded)
    assert grid.index.shape == (3, 31) and grid.present.tolist() == [True, False, True]
    for row in range(3):
        of_sample = known[f"s{row}"]
        assert np.flatnonzero(grid.index[row] >= 0).tolist() == sorted(of_sample)
        for place, text in of_sample.items():
            np.testing.assert_array_equal(grid.table[grid.index[row, place]], vector(text))


def test_each_place_is_standardised_by_itself(world: Callable[[int], World]) -> None:
    made = world(30)
    rng = np.random.default_rng(0)
    known = {
        f"s{row}": {1: f"pulse {rng.integers(9)}", 7: f"age {rng.integers(9)}", 9: "sex"}
        for row in range(29)
    }
    made.indicators(known)
    made.embed([text for texts in known.values() for text in texts.values()])
    fitted = load_indicators(made.con, made.samples, made.embedded).fit(np.arange(20))
    tokens = fitted.batch(torch.arange(20))
    for place in (1, 7):
        values = tokens.values[:, place].double()
        torch.testing.assert_close(
            values.mean(dim=0), torch.zeros(WIDTH).double(), atol=1e-5, rtol=0
        )
        torch.testing.assert_close(
            values.std(dim=0, unbiased=False), torch.ones(WIDTH).double(), atol=1e-4, rtol=0
        )
    # what never varies keeps its unit, and rounding is not blown up
    assert tokens.values[:, 9].abs().max() < 1e-5
    assert fitted.batch(torch.tensor([29])).lengths.tolist() == [0]


def test_a_value_that_was_not_embedded_is_an_error(world: Callable[[int], World]) -> None:
    made = world(1)
    made.indicators({"s0": {0: "age 60", 1: "pulse 80"}})
    made.embed(["age 60"])
    message = r"reduced\.parquet: expected a vector for each of 2 indicators, found none for 1"
    with pytest.raises(InputError, match=message):
        load_indicators(made.con, made.samples, made.embedded)
