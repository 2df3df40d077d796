"""Linking by cosine: exact, with ties broken the same way every time."""

from __future__ import annotations

import numpy as np
import pytest

import fusehr.rag.linking.cosine as cosine
from fusehr.rag.linking.cosine import NO_NODE, link


def vectors(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_the_nearest_disease_is_that_of_float64() -> None:
    mentions, diseases = vectors(1, 60, 16), vectors(2, 500, 16)
    a, b = mentions.astype(np.float64), diseases.astype(np.float64)
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    links = link(mentions, diseases, -1.0)
    assert np.array_equal(links.node, (a @ b.T).argmax(axis=1))
    assert np.allclose(links.score, (a @ b.T).max(axis=1), atol=1e-6)


def test_of_equal_diseases_the_lowest_index_is_taken_wherever_they_stand() -> None:
    one = vectors(3, 37)
    diseases = vectors(4, 1001, 37)
    twins = [5, 17, 640, 999, 1000]  # in different places of any blocked kernel
    for first in range(len(twins)):
        copy = diseases.copy()
        copy[twins[first:]] = one
        mentions = one + 0.01 * vectors(5, 200, 37)
        assert set(link(mentions, copy, 0.5).node) == {twins[first]}


def test_a_near_tie_is_told_apart_beyond_single_precision() -> None:
    mention = np.ones((1, 4096), np.float32)
    near, nearest = np.ones((2, 4096), np.float32)
    near[0], nearest[0] = 1.02, 1.01  # cosines that differ by 4e-8, below float32's last bit
    assert link(mention, np.stack([near, nearest]), 0.0).node[0] == 1


def test_a_link_depends_on_no_other_mention_and_no_block(monkeypatch: pytest.MonkeyPatch) -> None:
    mentions, diseases = vectors(6, 50, 24), vectors(7, 300, 24)
    whole = link(mentions, diseases, 0.3)
    monkeypatch.setattr(cosine, "BLOCK_SCORES", 700)  # two mentions at a time
    blocked = link(mentions, diseases, 0.3)
    alone = [link(mention[None], diseases, 0.3) for mention in mentions]
    assert np.array_equal(whole.node, blocked.node)
    assert np.array_equal(whole.score, blocked.score)
    assert np.array_equal(whole.node, [links.node[0] for links in alone])
    assert np.array_equal(whole.score, [links.score[0] for links in alone])


def test_below_the_threshold_there_is_no_link_but_a_score() -> None:
    links = link(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 2.0]]), 0.5)
    assert links.node.tolist() == [NO_NODE, 0]
    assert links.score == pytest.approx([0.0, np.sqrt(0.5)])


def test_no_mention_gives_no_link() -> None:
    links = link(np.empty((0, 3)), np.ones((2, 3)), 0.5)
    assert links.node.shape == links.score.shape == (0,)


@pytest.mark.parametrize(
    ("mentions", "diseases", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), r"\(2, 3\) and \(2, 4\)"),
        (np.ones((2, 3)), np.ones((0, 3)), "at least one disease"),
        (np.zeros((2, 3)), np.ones((1, 3)), "mentions: .* 2 that are not, the first in row 0"),
        (np.ones((2, 3)), np.array([[1.0, 1, 1], [np.nan, 0, 0]]), "diseases: .* row 1"),
    ],
)
def test_vectors_without_direction_are_refused(
    mentions: np.ndarray, diseases: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        link(mentions, diseases, 0.5)
