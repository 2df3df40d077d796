"""The planted graph: regular in every relation, and another one in every world."""

from __future__ import annotations

import numpy as np
import pytest

from fusehr.core.seeding import generator
from fusehr.raw.synthetic.graph.edges import (
    CONTRAINDICATION,
    DISEASES,
    DRUGS,
    RELATIONS,
    UNRELATED,
    _regular_pairs,
    planted_graph,
)


@pytest.mark.parametrize("seed", [0, 3, 11])
def test_every_relation_is_regular(seed: int) -> None:
    graph = planted_graph(seed)
    for relation in RELATIONS:
        drug, disease = graph.edges(relation)
        assert len(set(zip(drug.tolist(), disease.tolist(), strict=True))) == 600
        assert (np.bincount(drug, minlength=DRUGS) == 2).all()
        assert (np.bincount(disease, minlength=DISEASES) == 4).all()


def test_no_pair_stands_in_two_relations() -> None:
    # were one to overwrite another, an edge would be lost
    relation = planted_graph(3).relation
    assert (relation != UNRELATED).sum() == 600 * len(RELATIONS)


def test_taken_pairs_are_avoided_where_there_are_many() -> None:
    taken = generator("taken").random((DRUGS, DISEASES)) < 0.5
    drug, disease = _regular_pairs(generator("dense"), taken)
    assert not taken[drug, disease].any()
    assert (np.bincount(drug) == 2).all()
    assert (np.bincount(disease) == 4).all()


def test_a_world_has_one_graph_and_another_world_another() -> None:
    planted_graph.cache_clear()
    one = planted_graph(3)
    planted_graph.cache_clear()
    assert (planted_graph(3).relation == one.relation).all()
    contraindicated = RELATIONS.index(CONTRAINDICATION)
    same = (
        (one.relation == contraindicated) & (planted_graph(4).relation == contraindicated)
    ).sum()
    assert same < 30  # 8 by chance
