"""The shared bootstrap: whole patients, the same draws for all recipes, any chunk size."""

from __future__ import annotations

import numpy as np

from fusehr.evaluate.scoring.resample import resamples

PATIENTS = np.array([30, 10, 30, 20, 10, 40, 30])


def test_a_draw_takes_whole_patients_as_often_as_they_were_picked() -> None:
    weights = np.concatenate(list(resamples(PATIENTS, draws=50, seed=4)))
    picks = np.random.default_rng(4)
    for row in weights:
        drawn = picks.integers(0, 4, size=4)  # positions among the sorted ids 10, 20, 30, 40
        expected = [np.sum(drawn == np.searchsorted([10, 20, 30, 40], p)) for p in PATIENTS]
        np.testing.assert_array_equal(row, expected)


def test_the_size_of_chunks_changes_nothing() -> None:
    whole = np.concatenate(list(resamples(PATIENTS, draws=23, seed=4)))
    for cells in (1, 16, 100):
        chunks = list(resamples(PATIENTS, draws=23, seed=4, cells=cells))
        np.testing.assert_array_equal(np.concatenate(chunks), whole)


def test_draws_depend_on_who_the_patients_are_and_not_on_their_samples() -> None:
    others = np.array([40, 30, 20, 10])  # the same four patients, one sample each
    first = np.concatenate(list(resamples(PATIENTS, draws=9, seed=1)))
    second = np.concatenate(list(resamples(others, draws=9, seed=1)))
    np.testing.assert_array_equal(first[:, [5, 0, 3, 1]], second)


def test_no_samples_give_no_draws() -> None:
    assert list(resamples(np.array([], dtype=int), draws=5, seed=0)) == []
