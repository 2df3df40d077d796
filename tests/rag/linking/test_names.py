"""Linking by name first, by vector otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from fusehr.rag.linking.cosine import NO_NODE
from fusehr.rag.linking.names import NameIndex, link_texts

NAMES = [(10, "gout"), (20, "heart failure"), (10, "podagra"), (20, "gout")]


def test_names_and_synonyms_in_any_case_plural_and_punctuation() -> None:
    index = NameIndex(NAMES)
    found = [index.find(t) for t in ("GOUT", "Podagra", "heart-failures", "gouty", "")]
    assert found == [10, 10, 20, NO_NODE, NO_NODE]


def test_a_name_goes_before_a_nearer_vector_and_a_vector_before_nothing() -> None:
    diseases = np.eye(3)
    owners = np.array([10, 20, 20])
    texts = ["gout", "weak heart", "rain"]
    vectors = np.array([[0.0, 1, 0], [0, 0.1, 1], [1, 1, 1]])
    links = link_texts(texts, vectors, NameIndex(NAMES), diseases, owners, 0.7)
    assert links.node.tolist() == [10, 20, NO_NODE]
    assert links.score == pytest.approx([1.0, 1 / np.sqrt(1.01), 1 / np.sqrt(3)])


def test_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 texts, 1 vectors"):
        link_texts(["a", "b"], np.ones((1, 2)), NameIndex([]), np.ones((1, 2)), np.zeros(1, int), 0)
