"""The graph as PrimeKG's two tables: general facts, and the planted edges of one world.

Columns are those of PrimeKG's kg.csv and disease_features.csv (Chandak et al., Scientific Data
10:67, 2023, https://github.com/mims-harvard/PrimeKG); as there, every edge stands in both
directions. Nodes are numbered in the order of the general facts, fictional drugs last. Ids that are
not MONDO's have the source `fusehr`; a fictional drug's begin with FX.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fusehr.core import mimic_layout
from fusehr.core.knowledge.facts import (
    ANATOMY,
    DISEASE,
    DRUG,
    EFFECT,
    EXPOSURE,
    OWN_IDS,
    Node,
    facts,
    nodes,
)
from fusehr.raw.synthetic.arrays import Ints
from fusehr.raw.synthetic.graph.edges import RELATIONS, planted_graph
from fusehr.raw.synthetic.vocabulary.drugs import fictional_drugs

OWN_SOURCE = "fusehr"
_PREFIX = {DRUG: "RX", EFFECT: "EF", ANATOMY: "AN", EXPOSURE: "EX"}


@dataclass(frozen=True)
class Vertex:
    """A node as its columns have it."""

    id: str
    type: str
    name: str
    source: str


def kg_table(seed: int) -> pa.Table:
    """Edges of the world of a generator seed, sorted by relation, then by x and y.

    Columns: relation, display_relation, then index (int64), id, type, name, source of x and of y.
    """
    listed = vertices()
    of = {(node.kind, node.name): i for i, node in enumerate(nodes())}
    edges = [
        (fact.relation.name, fact.relation.display, of[_key(fact.x)], of[_key(fact.y)])
        for fact in facts()
    ]
    # lasting diseases are the first nodes, in the graph's own order
    first_drug = len(nodes())
    graph = planted_graph(seed)
    for name in RELATIONS:
        drug, disease = graph.edges(name)
        edges += [
            (name, name, first_drug + int(d), int(i)) for d, i in zip(drug, disease, strict=True)
        ]
    both = sorted({*edges, *((name, shown, y, x) for name, shown, x, y in edges)})
    ends = np.array([(x, y) for _, _, x, y in both], dtype=np.int64)
    columns: dict[str, pa.Array] = {
        "relation": pa.array([name for name, _, _, _ in both]),
        "display_relation": pa.array([shown for _, shown, _, _ in both]),
    }
    for side, index in (("x", ends[:, 0]), ("y", ends[:, 1])):
        columns |= _end_columns(side, index, listed)
    return _table("kg/kg", columns)


def disease_features() -> pa.Table:
    """One row a disease, by node: definition, other names, and what the general facts say of it.

    mondo_definition: the definition. umls_description: other names. mayo_symptoms,
    mayo_risk_factors, mayo_complications: lists of names. The rest is empty, as much of PrimeKG's
    is. It is the same in every world: planted edges stand in the graph alone.
    """
    rows = [(i, node) for i, node in enumerate(nodes()) if node.kind == DISEASE]
    listed = vertices()
    symptoms = _names("disease_phenotype_positive", of_y=False)
    risks = _names("exposure_disease", of_y=True)
    complications = _names("disease_complication", of_y=False)
    ids = pa.array([listed[i].id for i, _ in rows])
    names = pa.array([node.name for _, node in rows])
    columns: dict[str, pa.Array] = {
        "node_index": pa.array([i for i, _ in rows], pa.int64()),
        "mondo_id": ids,
        "mondo_name": names,
        "group_id_bert": ids,
        "group_name_bert": names,
        "mondo_definition": _texts(node.definition for _, node in rows),
        "umls_description": _texts(
            f"Also known as: {'; '.join(node.synonyms)}." if node.synonyms else ""
            for _, node in rows
        ),
    }
    for name, found in (
        ("mayo_symptoms", symptoms),
        ("mayo_risk_factors", risks),
        ("mayo_complications", complications),
    ):
        columns[name] = _texts(", ".join(found.get(node.name, ())) for _, node in rows)
    return _table("kg/disease_features", columns)


def vertices() -> tuple[Vertex, ...]:
    """Every node with its index as its position."""
    numbers = dict.fromkeys(_PREFIX, 0)
    found: list[Vertex] = []
    for node in nodes():
        if node.kind == DISEASE:
            source = OWN_SOURCE if int(node.mondo_id) >= OWN_IDS else "MONDO"
            found.append(Vertex(node.mondo_id, node.kind, node.name, source))
            continue
        numbers[node.kind] += 1
        name = node.name.capitalize() if node.kind == DRUG else node.name
        own = f"{_PREFIX[node.kind]}{numbers[node.kind]:04d}"
        found.append(Vertex(own, node.kind, name, OWN_SOURCE))
    found += [
        Vertex(f"FX{i:04d}", DRUG, drug.label, OWN_SOURCE)
        for i, drug in enumerate(fictional_drugs(), start=1)
    ]
    return tuple(found)


def _key(node: Node) -> tuple[str, str]:
    return node.kind, node.name


def _names(relation: str, of_y: bool) -> dict[str, list[str]]:
    """Names at the other end of one relation's facts, by the disease at this end."""
    found: dict[str, list[str]] = {}
    for fact in facts():
        if fact.relation.name == relation:
            here, there = (fact.y, fact.x) if of_y else (fact.x, fact.y)
            found.setdefault(here.name, []).append(there.name)
    return found


def _end_columns(side: str, index: Ints, listed: tuple[Vertex, ...]) -> dict[str, pa.Array]:
    position = pa.array(index)
    return {
        f"{side}_index": position,
        **{
            f"{side}_{field}": pa.array([getattr(v, field) for v in listed]).take(position)
            for field in ("id", "type", "name", "source")
        },
    }


def _texts(texts: Iterable[str]) -> pa.Array:
    return pa.array([text or None for text in texts], pa.string())


def _table(key: str, columns: dict[str, pa.Array]) -> pa.Table:
    """Columns in PrimeKG's order; those that are not given are empty."""
    rows = len(next(iter(columns.values())))
    return pa.table(
        {
            name: columns.get(name, pa.nulls(rows, pa.string()))
            for name in mimic_layout.table(key).columns
        }
    )
