"""Which documents answer a query: by meaning, by words, or by both.

- dense: cosine of their vectors;
- bm25: words in common, weighted by rarity (Robertson and Zaragoza, The probabilistic relevance
  framework: BM25 and beyond, 2009), as bm25s computes it;
- hybrid: both by reciprocal rank fusion (Cormack et al., SIGIR 2009), 1 / (60 + rank) summed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import bm25s
import numpy as np

from fusehr.core.params.rag import Ranking
from fusehr.rag.vectors import Encode

FUSION = 60
DIGITS = 6  # scores are rounded, so that the last bits of an arithmetic decide no order


class Ranker:
    """Ranks `documents`; encode: needed for dense and hybrid only."""

    def __init__(
        self, documents: Sequence[str], method: Ranking, encode: Encode | None = None
    ) -> None:
        self._n, self._encode = len(documents), encode
        self._by = {"dense": ("meaning",), "bm25": ("words",), "hybrid": ("meaning", "words")}[
            method
        ]
        self._vectors: np.ndarray | None = None
        self._words: bm25s.BM25 | None = None
        if "meaning" in self._by:
            if encode is None:
                raise ValueError(f"expected an encoder for {method}, found none")
            self._vectors = encode(documents).astype(np.float64)
        if "words" in self._by:
            words = _tokens(documents)
            self._words = bm25s.BM25() if any(words) else None
            if self._words is not None:
                self._words.index(words, show_progress=False)

    def scores(
        self, queries: Sequence[str], rows: Sequence[np.ndarray] | None = None
    ) -> Iterator[np.ndarray]:
        """For each query, float64 scores of the documents in its `rows`, else of all (n,)."""
        vectors = None
        if self._vectors is not None and self._encode is not None and len(queries):
            vectors = self._encode(queries).astype(np.float64)
        words = _tokens(queries) if "words" in self._by else []
        for i in range(len(queries)):
            chosen = np.arange(self._n) if rows is None else rows[i]
            found = []
            if self._vectors is not None and vectors is not None:
                product = np.einsum("nd,d->n", self._vectors[chosen], vectors[i], optimize=False)
                found.append(product.round(DIGITS))
            if "words" in self._by:
                found.append(self._by_words(words[i])[chosen].round(DIGITS))
            yield found[0] if len(found) == 1 else _fused(found)

    def _by_words(self, query: list[str]) -> np.ndarray:
        known = [word for word in query if self._words and word in self._words.vocab_dict]
        if self._words is None or not known:
            return np.zeros(self._n)
        return np.asarray(self._words.get_scores(known), dtype=np.float64)


def order(scores: np.ndarray) -> np.ndarray:
    """Positions from the best score down; of equal ones the first."""
    return np.argsort(-scores, kind="stable")


def _fused(found: Sequence[np.ndarray]) -> np.ndarray:
    total = np.zeros(len(found[0]))
    for scores in found:
        place = np.empty(len(scores), dtype=np.int64)
        place[order(scores)] = np.arange(1, len(scores) + 1)
        total += 1 / (FUSION + place)
    return total.round(DIGITS)


def _tokens(texts: Sequence[str]) -> list[list[str]]:
    if not texts:
        return []
    found = bm25s.tokenize(list(texts), stopwords="en", return_ids=False, show_progress=False)
    return [[str(word) for word in words] for words in found]
