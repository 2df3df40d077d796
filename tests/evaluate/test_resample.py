"""The shared bootstrap: whole patients, the same draws for all recipes, any chunk size."""

from __future__ import annotations

import numpy as np

from fusehr.evaluate.scoring.resample import resamples


def drawn(patients: int, *, draws: int, seed: int, cells: int = 1 << 22) -> np.ndarray:
    return np.concatenate(
        list(resamples(patients, draws=draws, seed=seed, cells=cells)), axis=1
    )  # (patients, draws)


def test_a_draw_counts_how_often_each_patient_was_picked() -> None:
    weights = drawn(4, draws=50, seed=4)
    generator = np.random.default_rng(4)
    for column in weights.T:
        picks = generator.integers(0, 4, size=4)
        np.testing.assert_array_equal(column, [np.sum(picks == patient) for patient in range(4)])


def test_the_size_of_chunks_changes_nothing() -> None:
    whole = drawn(4, draws=23, seed=4)
    assert whole.shape == (4, 23)
    for cells in (1, 16, 100):
        np.testing.assert_array_equal(drawn(4, draws=23, seed=4, cells=cells), whole)


def test_another_seed_gives_other_draws() -> None:
    assert not np.array_equal(drawn(9, draws=8, seed=1), drawn(9, draws=8, seed=2))


def test_no_patients_give_no_draws() -> None:
    assert list(resamples(0, draws=5, seed=0)) == []
