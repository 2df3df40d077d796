"""Rankings: by meaning, by words, by both; ties always broken the same way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusehr.rag.retrieval.ranking import Ranker, order

DOCUMENTS = ["gout presents with joint pain", "asthma presents with wheezing", "gout affects feet"]


def encode(texts):
    """Two directions: gout and asthma, by the names or by words that mean them."""
    rows = []
    for text in texts:
        gout = sum(word in text for word in ("gout", "podagra")) + 0.1 * ("joint" in text)
        asthma = sum(word in text for word in ("asthma", "wheez"))
        rows.append((gout + 1e-3, asthma + 1e-3))
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def best(method, query, rows=None):
    ranker = Ranker(DOCUMENTS, method, encode)
    (scores,) = ranker.scores([query], None if rows is None else [np.array(rows)])
    return order(scores).tolist(), scores


def test_dense_knows_meanings_and_bm25_words():
    assert best("dense", "podagra")[0][2] == 1
    assert best("bm25", "podagra")[1].tolist() == [0.0, 0.0, 0.0]
    assert best("bm25", "pain of a joint")[0][0] == 0


def test_hybrid_sums_reciprocal_ranks():
    found, scores = best("hybrid", "wheezing")
    assert found[0] == 1
    assert scores[1] == pytest.approx(2 / 61, abs=1e-6)


def test_scores_of_chosen_documents_are_those_of_all():
    for method in ("dense", "bm25"):
        _, everything = best(method, "gout with joint pain")
        _, chosen = best(method, "gout with joint pain", [2, 0])
        assert chosen.tolist() == everything[[2, 0]].tolist()


def test_dense_needs_an_encoder():
    with pytest.raises(ValueError, match="expected an encoder for dense"):
        Ranker(DOCUMENTS, "dense")


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.text("ab c", min_size=0, max_size=8), min_size=1, max_size=8),
    query=st.text("ab c", max_size=6),
)
def test_bm25_takes_any_text_and_equal_texts_score_equally(texts, query):
    (scores,) = Ranker(texts, "bm25").scores([query])
    assert scores.shape == (len(texts),) and np.isfinite(scores).all()
    for i, text in enumerate(texts):
        assert scores[i] == scores[texts.index(text)]
    assert order(scores).tolist() == sorted(range(len(texts)), key=lambda i: (-scores[i], i))
