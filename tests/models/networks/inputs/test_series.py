"""Hourly bins and what is made of them before a model sees them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from fusehr.models.networks.inputs.series import SeriesScaler, load_bins

NAN = np.nan
PLAIN = SeriesScaler(mean=np.array([100, 10], np.float32), std=np.array([10, 1], np.float32))


def test_the_last_value_of_each_hour_stands_in_its_bin() -> None:
    with duckdb.connect() as con:
        con.execute(Path(__file__).with_name("events.sql").read_text())
        bins = load_bins(con, 3, variables=["sbp", "heart_rate"], hours=3)
    expected = np.full((3, 3, 2), NAN)
    expected[0, 2] = [121, 80]  # of 120 and 121 at the same minute, the one stored later
    expected[0, 0, 0] = 90
    expected[2, 1, 1] = 70
    np.testing.assert_array_equal(bins, expected.astype(np.float32))


def test_mean_and_scale_are_of_charted_values_within_their_range() -> None:
    values = np.full((101, 2, 3), NAN, dtype=np.float32)
    values[:, 0, 0] = np.arange(101)
    values[:, 1, 1] = 7.0
    scaler = SeriesScaler.fit(values, clip_share=0.05)
    clipped = np.clip(np.arange(101.0), 5, 95)
    np.testing.assert_allclose(scaler.mean, [clipped.mean(), 7, 0], rtol=1e-6)
    np.testing.assert_allclose(scaler.std, [clipped.std(), 1, 1], rtol=1e-6)


def test_values_are_carried_forward_and_gaps_before_them_are_the_mean() -> None:
    values = np.array([[[NAN, 12], [110, NAN], [NAN, NAN], [90, 9]]], dtype=np.float32)
    steps, lengths = PLAIN.steps(values)
    assert lengths.tolist() == [4]
    # sbp, heart rate, and whether each was charted
    expected = [[0, 2, 0, 1], [1, 2, 1, 0], [1, 2, 0, 0], [-1, -1, 1, 1]]
    np.testing.assert_array_equal(steps, [expected])


def test_a_series_begins_with_its_first_value_and_ends_at_the_index() -> None:
    values = np.full((2, 4, 2), NAN, dtype=np.float32)
    values[0, 2] = [120, 10]
    steps, lengths = PLAIN.steps(values)
    assert lengths.tolist() == [2, 1]
    np.testing.assert_array_equal(steps[0], [[2, 0, 1, 1], [2, 0, 0, 0], [0] * 4, [0] * 4])
    # nothing charted at all: one hour at the mean
    np.testing.assert_array_equal(steps[1], np.zeros((4, 4)))


def test_a_sample_is_prepared_as_it_is_whatever_the_others_are() -> None:
    values = np.random.default_rng(0).normal(100, 10, size=(6, 5, 2)).astype(np.float32)
    values[np.random.default_rng(1).random(values.shape) < 0.5] = NAN
    together, lengths = PLAIN.steps(values)
    for row in range(6):
        alone, length = PLAIN.steps(values[row : row + 1])
        np.testing.assert_array_equal(alone[0], together[row])
        assert length[0] == lengths[row]
