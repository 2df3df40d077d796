"""Which lasting diseases patients have, and which home medications a visit brings together.

Exposure, the flag `graph`, is a contraindicated pair of a home medication and one of the patient's
own diseases. It must be readable from the graph alone, hence:

- own diseases are uniform over all diseases, and the number of home medications uniform over
  FEWEST to MOST, both drawn without looking at the flag;
- every visit, exposed or not, has exactly FACTS pairs that stand in the graph, each with another
  disease. Of the exposed one pair is contraindicated, of the others none: how many facts a visit
  has tells nothing, their relation everything;
- a drug of such a pair is related to no other own disease, the other drugs to none at all.

Home medications are drawn anew at each visit, as the flag is: were they kept, a change between two
visits would tell of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import HOUR, Bools, Ints, spread
from fusehr.raw.synthetic.graph.edges import (
    CONTRAINDICATION,
    DISEASES,
    DRUGS,
    RELATIONS,
    UNRELATED,
    PlantedGraph,
)
from fusehr.raw.synthetic.latent.visits import Visits

__all__ = ["DISEASES", "DRUGS", "Regimens", "choose_drugs", "draw_diseases", "draw_regimens"]

OWN_DISEASES = 5  # of each patient, lasting
FEWEST, MOST = 6, 12  # home medications of a visit
FACTS = 4  # pairs of a visit's drugs and the patient's diseases that stand in the graph
LATEST = 5 * HOUR  # after admission, before orders are rounded up to the hour


@dataclass(frozen=True)
class Regimens:
    """R home medications, sorted by visit. drug: row of fictional_drugs.csv. start: of the order.

    visit: row in Visits. start is on the hour, 0 to 6 hours after admission.
    """

    visit: Ints
    drug: Ints
    start: Ints

    def __len__(self) -> int:
        return len(self.visit)


def draw_diseases(seed: int, block: int, patients: int) -> Ints:
    """The patients' own diseases (patients, 5): distinct rows of diseases.csv, each as likely.

    Independent of all else, so that they tell of no risk by themselves.
    """
    rng = generator("synthetic", seed, block, "own diseases")
    return np.argsort(rng.random((patients, DISEASES)), axis=1)[:, :OWN_DISEASES].astype(np.int64)


def draw_regimens(
    params: SyntheticParams, graph: PlantedGraph, block: int, visits: Visits, diseases: Ints
) -> Regimens:
    """Home medications of a block's visits. diseases: (patients, 5) own ones, by patient."""
    rng = generator("synthetic", params.seed, block, "regimens")
    count = rng.integers(FEWEST, MOST + 1, len(visits))
    chosen = choose_drugs(rng, graph, visits.flags["graph"], diseases[visits.patient], count)
    visit, position = spread(count)
    stay = visits.discharge - visits.admit
    # a stay of an hour or two has its orders on time, too
    latest = np.minimum(LATEST, np.maximum(stay - HOUR, 0))
    begin = visits.admit[visit] + (latest[visit] * rng.random(len(visit))).astype(np.int64)
    start = -(-begin // HOUR) * HOUR
    return Regimens(visit=visit, drug=chosen[visit, position], start=start)


def choose_drugs(
    rng: np.random.Generator, graph: PlantedGraph, exposed: Bools, own: Ints, count: Ints
) -> Ints:
    """Distinct drugs (n, MOST) of n visits, of which the first `count` are taken.

    exposed: (n,). own: (n, 5) diseases. The first drug is contraindicated where exposed; with it
    the first FACTS stand in the graph with one own disease each, the others with none.
    """
    n = len(own)
    relation = np.moveaxis(graph.relation[:, own], 0, 1)  # (n, drugs, own diseases)
    related = relation != UNRELATED
    links = related.sum(axis=2)
    single = links == 1
    slot = related.argmax(axis=2)  # of the own disease, where single
    contraindicated = single & (relation == RELATIONS.index(CONTRAINDICATION)).any(axis=2)
    decoy = single & ~contraindicated

    # One fact a disease, in an order of diseases that is drawn before any relation is looked at.
    order = np.argsort(rng.random((n, OWN_DISEASES)), axis=1)
    rank = np.argsort(order, axis=1)
    turn = np.take_along_axis(rank, slot, axis=1)  # (n, drugs)
    mark = rng.random((n, DRUGS))
    chosen = np.empty((n, MOST), dtype=np.int64)
    used = np.zeros((n, OWN_DISEASES), dtype=bool)
    rows = np.arange(n)
    for fact in range(FACTS):
        kind = np.where(exposed[:, None], contraindicated, decoy) if fact == 0 else decoy
        usable = kind & ~np.take_along_axis(used, slot, axis=1)
        if not usable.any(axis=1).all():
            raise AssertionError(f"no drug is left for fact {fact + 1} of a visit")
        chosen[:, fact] = np.where(usable, turn + mark, np.inf).argmin(axis=1)
        used[rows, slot[rows, chosen[:, fact]]] = True
    # the rest in order of their marks
    others = np.argsort(np.where(links == 0, mark, np.inf), axis=1)
    chosen[:, FACTS:] = others[:, : MOST - FACTS]
    assert (count <= MOST).all() and (links == 0).sum(axis=1).min() >= MOST - FACTS
    return chosen
