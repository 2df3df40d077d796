"""The general facts of `fusehr.core.knowledge` as tables in PrimeKG's columns.

They are a graph of their own where the source brings none, lend their synonyms to any other, and
tell which way a fact reads where a graph states it in both directions.
"""

from __future__ import annotations

import pyarrow as pa

from fusehr.core.knowledge.facts import DISEASE, OWN_IDS, Node, diseases, facts, nodes

OWN_SOURCE = "fusehr"


def general_rows() -> pa.Table:
    """A row a fact, in its own direction, with PrimeKG's columns; nodes are numbered from 0."""
    numbers = {(node.kind, node.name): i for i, node in enumerate(nodes())}
    rows = []
    for fact in facts():
        row = {"relation": fact.relation.name, "display_relation": fact.relation.display}
        for side, node in (("x", fact.x), ("y", fact.y)):
            row |= _end(side, numbers[node.kind, node.name], node)
        rows.append(row)
    return pa.Table.from_pylist(rows)


def general_nodes() -> pa.Table:
    """node_index, id, type, name, source, definition of every node, facts or not."""
    columns = ("id", "type", "name", "source")
    found = []
    for i, node in enumerate(nodes()):
        end = _end("x", i, node)
        found.append(
            {"node_index": i, "definition": node.definition or None}
            | {name: end[f"x_{name}"] for name in columns}
        )
    return pa.Table.from_pylist(found)


def general_synonyms() -> pa.Table:
    """type, name (lower case) of each node, with one of its other names."""
    rows = [
        {"type": node.kind, "name": node.name.lower(), "synonym": synonym}
        for node in nodes()
        for synonym in node.synonyms
    ]
    return pa.Table.from_pylist(rows)


def general_codes() -> pa.Table:
    """name (lower case) of each lasting disease with the codes it is billed under."""
    rows = [
        {"name": disease.name.lower(), "code": code}
        for disease in diseases()
        for code in (f"ICD9CM/{disease.icd9}", f"ICD10CM/{disease.icd10}")
    ]
    return pa.Table.from_pylist(rows)


def _end(side: str, number: int, node: Node) -> dict[str, int | str]:
    mondo = node.kind == DISEASE and int(node.mondo_id) < OWN_IDS
    own = node.mondo_id if node.kind == DISEASE else f"N{number:04d}"
    return {
        f"{side}_index": number,
        f"{side}_id": own,
        f"{side}_type": node.kind,
        f"{side}_name": node.name,
        f"{side}_source": "MONDO" if mondo else OWN_SOURCE,
    }
