"""Links by name: a string that is a disease's name or synonym in any case, number and spelling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from fusehr.rag.linking.cosine import NO_NODE, Floats, Links, link
from fusehr.rag.words import normal, words


class NameIndex:
    """Nodes by name. Where two nodes share a name, the one that comes first has it.

    >>> NameIndex([(3, "Heart failure")]).find("heart failures")
    3
    """

    def __init__(self, names: Iterable[tuple[int, str]]) -> None:
        """names: (node, name or synonym), the names before the synonyms."""
        self._nodes: dict[tuple[str, ...], int] = {}
        for node, name in names:
            self._nodes.setdefault(_key(name), node)

    def find(self, text: str) -> int:
        """Node of which `text` is a name, or NO_NODE."""
        return self._nodes.get(_key(text), NO_NODE)


def link_texts(
    texts: Sequence[str],
    vectors: Floats,
    index: NameIndex,
    diseases: Floats,
    owners: npt.NDArray[np.int64],
    threshold: float,
) -> Links:
    """Node of each text: by its name where it has one (score 1), else of the nearest vector.

    texts: m strings; vectors: (m, d) float, read only in the rows of texts that no name matches.
    diseases: (n, d) float, of names or definitions; owners: (n,) int, the node of each. Raises
    ValueError as `link`, and where the lengths do not fit.
    """
    if len(texts) != len(vectors) or len(owners) != len(diseases):
        raise ValueError(
            f"expected a vector a text and an owner a disease vector, found {len(texts)} texts,"
            f" {len(vectors)} vectors, {len(diseases)} disease vectors, {len(owners)} owners"
        )
    node = np.array([index.find(text) for text in texts], np.int64)
    score = np.ones(len(texts), np.float64)
    rest = np.flatnonzero(node == NO_NODE)
    nearest = link(vectors[rest], diseases, threshold)
    node[rest] = np.where(nearest.node == NO_NODE, NO_NODE, owners[nearest.node])
    score[rest] = nearest.score
    return Links(node, score)


def _key(text: str) -> tuple[str, ...]:
    """Normal words of `text`, without signs: `Diabetes, type 2` is `diabetes type 2`."""
    return tuple(normal(word.text) for word in words(text) if word.text[0].isalnum())
