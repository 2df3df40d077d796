"""Segments of the newest note: who has which, and what a note's sentences become."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from fusehr.core.embed_schemas import SEGMENTS
from fusehr.core.frame.errors import InputError
from fusehr.embed.segments import segments
from fusehr.models.networks.inputs.grid import TokenGrid
from fusehr.models.networks.inputs.segments import load_note_segments

from .conftest import Note, World, vector


def load(world: World, kinds: tuple[str, ...] = ("nursing", "progress")) -> TokenGrid:
    return load_note_segments(world.con, world.samples, world.embedded, kinds=kinds)


def raw(grid: TokenGrid, row: int) -> np.ndarray:
    """The sample's segments as they were read, (k, width)."""
    index = grid.index[row]
    assert (index >= 0).argmin() == (index >= 0).sum() or (index >= 0).all()
    return grid.table[index[index >= 0]]


@pytest.mark.parametrize("n", [1, 5, 22, 23, 24, 40, 46, 47])
def test_sentences_are_shared_out_over_the_segments_in_order(
    n: int, world: Callable[[int], World]
) -> None:
    made, sentences = world(1), [f"sentence{k}" for k in range(n)]
    made.notes([Note("a", 0, 1.0, sentences)])
    found = raw(load(made), 0)
    # as the room `embed` groups them
    groups = [group.split() for group in segments(sentences)]
    assert len(found) == len(groups) == min(n, SEGMENTS)
    expected = [np.mean([vector(text) for text in group], axis=0) for group in groups]
    np.testing.assert_allclose(found, np.stack(expected), rtol=0, atol=1e-6)


def test_embedded_segments_stand_before_means_of_sentences(world: Callable[[int], World]) -> None:
    made = world(2)
    made.notes(
        [
            Note("cut", 0, 1.0, ["one", "two", "three"], segments=["one two", "three"]),
            Note("not cut", 1, 1.0, ["one", "two"]),
        ]
    )
    grid = load(made)
    np.testing.assert_array_equal(raw(grid, 0), [vector("one two"), vector("three")])
    np.testing.assert_array_equal(raw(grid, 1), [vector("one"), vector("two")])


def test_the_newest_note_that_was_known_is_read(world: Callable[[int], World]) -> None:
    made = world(4)
    made.notes(
        [
            Note("old", 0, 9.0, ["old"]),
            Note("new", 0, 3.0, ["new"]),
            Note("late", 0, 1.0, ["late"], stored_late=True),
            Note("another kind", 0, 1.0, ["radiology"], code="radiology"),
            Note("empty", 0, 0.5),
            Note("visit before", 1, 50.0, ["before"]),
            Note("last", 2, 0.0, ["last", "word"]),
        ]
    )
    grid = load(made)
    assert grid.present.tolist() == [True, False, True, False]
    np.testing.assert_array_equal(raw(grid, 0), [vector("new")])
    np.testing.assert_array_equal(raw(grid, 2), [vector("last"), vector("word")])


def test_a_sentence_that_was_not_embedded_is_an_error(world: Callable[[int], World]) -> None:
    made = world(1)
    made.notes([Note("a", 0, 1.0, ["one", "two"])], without=["two"])
    with pytest.raises(
        InputError, match=r"reduced\.parquet: expected a vector .* found none for 1"
    ):
        load(made)


def test_no_note_at_all(world: Callable[[int], World]) -> None:
    made = world(3)
    made.notes([])
    assert not load(made).present.any()


def test_segments_are_standardised_together(world: Callable[[int], World]) -> None:
    made = world(3)
    texts = [[f"s{k}-{row}" for k in range(4 + row)] for row in range(3)]
    made.notes([Note(f"n{row}", row, 1.0, texts[row]) for row in range(3)])
    fitted = load(made).fit(np.array([0, 1]))
    of_train = np.stack([vector(text) for row in (0, 1) for text in texts[row]])
    np.testing.assert_allclose(fitted.mean[0], of_train.mean(axis=0), rtol=0, atol=1e-6)
    np.testing.assert_allclose(fitted.std[0], of_train.std(axis=0), rtol=0, atol=1e-6)
    tokens = fitted.batch(torch.tensor([2]))
    assert tokens.values.shape == (1, SEGMENTS, 4) and tokens.lengths.tolist() == [6]
    expected = (np.stack([vector(text) for text in texts[2]]) - of_train.mean(0)) / of_train.std(0)
    np.testing.assert_allclose(tokens.values[0, :6], expected, rtol=1e-4, atol=1e-5)
    assert not tokens.values[0, 6:].any()
