"""The newest note as one token: mean of its sentences' vectors and six numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from fusehr.core.frame.errors import InputError
from fusehr.models.networks.inputs.note_features import NoteFeatures, load_note_features

from .conftest import WIDTH, Note, World, vector


def load(world: World) -> NoteFeatures:
    return load_note_features(world.con, world.samples, world.embedded, kinds=["nursing"])


def test_a_note_is_its_mean_vector_and_its_numbers(world: Callable[[int], World]) -> None:
    made = world(3)
    made.notes(
        [
            Note("b", 0, 3.0, ["one", "two", "three"]),
            Note("a", 0, 5.0, ["old"]),
            Note("c", 2, 1.0, ["alone"]),
        ]
    )
    grid = load(made).grid
    assert grid.present.tolist() == [True, False, True]
    token = grid.table[grid.index[0, 0]]
    mean = np.mean([vector(text) for text in ("one", "two", "three")], axis=0)
    np.testing.assert_allclose(token[:WIDTH], mean, rtol=0, atol=1e-6)
    np.testing.assert_allclose(token[WIDTH:], [3, 6, 3, 1, 0.03, 9], rtol=1e-6)
    np.testing.assert_allclose(grid.table[grid.index[2, 0], WIDTH:], [1, 2, 1, 1, 0.01, 3])


def test_numbers_are_standardised_by_train_rows(world: Callable[[int], World]) -> None:
    made = world(40)
    rng = np.random.default_rng(0)
    made.notes(
        [
            Note(f"n{row}", row, 1.0, [f"{row}-{k}" for k in range(rng.integers(1, 9))])
            for row in range(39)
        ]
    )
    modality, train = load(made), np.arange(25)
    fitted = modality.fit(train)
    values = fitted.batch(torch.arange(25)).values[:, 0].numpy()
    np.testing.assert_allclose(values[:, WIDTH:].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(values[:, WIDTH:].std(axis=0), 1, atol=1e-5)
    table = modality.grid.table[modality.grid.index[train, 0], :WIDTH]
    np.testing.assert_array_equal(values[:, :WIDTH], table)
    # what other rows hold is not fitted
    other = modality.fit(np.arange(12))
    assert not torch.allclose(other.mean, fitted.mean)
    assert set(fitted.state()) == {"mean", "std"}
    absent = fitted.batch(torch.tensor([39]))
    assert not absent.mask.any() and not absent.values.any()


def test_a_sentence_that_was_not_embedded_is_an_error(world: Callable[[int], World]) -> None:
    made = world(1)
    made.notes([Note("a", 0, 1.0, ["one", "two"])], without=["one"])
    with pytest.raises(
        InputError, match=r"vectors\.parquet: expected a vector .* found none for 1"
    ):
        load(made)


def test_no_note_at_all(world: Callable[[int], World]) -> None:
    made = world(2)
    made.notes([])
    assert not load(made).present.any()
