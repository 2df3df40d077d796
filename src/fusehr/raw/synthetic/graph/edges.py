"""Planted edges between fictional drugs and lasting diseases, drawn from the generator's seed.

Four relations of 600 edges each; no pair stands in two. In each relation every drug has two edges
and every disease four, so that neither a drug nor a disease, nor how often either occurs, tells of
a contraindication: only the pair does. A fresh seed is a fresh graph; nothing that is known about
real drugs, and nothing learnt in another world, helps to guess it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import Bools, Ints

DISEASES = 150  # rows of core/knowledge/diseases.csv
DRUGS = 300  # rows of vocabulary/fictional_drugs.csv
CONTRAINDICATION = "contraindication"
# PrimeKG has the first three; the fourth is this project's
RELATIONS = (CONTRAINDICATION, "indication", "off-label use", "studied in")
PER_DRUG = 2  # edges of each relation
PER_DISEASE = PER_DRUG * DRUGS // DISEASES
UNRELATED = -1


@dataclass(frozen=True)
class PlantedGraph:
    """relation: (300, 150) position in RELATIONS of each drug-disease pair, else UNRELATED."""

    relation: Ints

    def edges(self, relation: str) -> tuple[Ints, Ints]:
        """Drugs and diseases (600,) of one relation, sorted by drug."""
        drug, disease = np.nonzero(self.relation == RELATIONS.index(relation))
        return drug.astype(np.int64), disease.astype(np.int64)


@lru_cache(maxsize=8)
def planted_graph(seed: int) -> PlantedGraph:
    """The graph of a world, read-only."""
    relation = np.full((DRUGS, DISEASES), UNRELATED, dtype=np.int64)
    for number, name in enumerate(RELATIONS):
        rng = generator("synthetic", seed, "planted edges", name)
        drug, disease = _regular_pairs(rng, relation != UNRELATED)
        relation[drug, disease] = number
    relation.setflags(write=False)
    return PlantedGraph(relation)


def _regular_pairs(rng: np.random.Generator, taken: Bools) -> tuple[Ints, Ints]:
    """Distinct pairs outside `taken` (300, 150): every drug PER_DRUG, every disease PER_DISEASE.

    Edge ends are matched at random; an edge that is taken or there twice changes its disease with
    another edge's until none is left. Degrees stay as they are by every such exchange.
    """
    drug = np.repeat(np.arange(DRUGS), PER_DRUG)
    disease = rng.permutation(np.repeat(np.arange(DISEASES), PER_DISEASE))
    while True:
        twice = np.ones(len(drug), dtype=bool)
        twice[np.unique(drug * DISEASES + disease, return_index=True)[1]] = False
        wrong = np.flatnonzero(twice | taken[drug, disease])
        if not len(wrong):
            return drug, disease
        for edge, other in zip(wrong, rng.integers(0, len(drug), len(wrong)), strict=True):
            disease[[edge, other]] = disease[[other, edge]]
