"""General medical facts: diseases, real drugs, symptoms, anatomy, exposures, and their relations.

- diseases.csv: 150 lasting diseases outside the 25 phenotypes, with the codes they are billed
  under. Codes and titles are those of ICD-9-CM and ICD-10-CM as MIMIC-IV has them.
- nodes.csv: diseases around the 25 phenotypes and other common conditions, the drugs ordered for
  them, symptoms and signs, anatomy, exposures.
- facts.csv: relations between the nodes of both.

What stands here is well established and was written by hand for this project: a small sample of
common knowledge for trying methods out, no source for care. Ids are MONDO's
(https://mondo.monarchinitiative.org), without prefix and leading zeros; those from OWN_IDS on are
this project's and stand for no entry of MONDO. Relations are named as in PrimeKG (Chandak et al.,
Building a knowledge graph to enable precision medicine, Scientific Data 10:67, 2023), but for
disease_anatomy and disease_complication, which it has not.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fusehr.core.frame.errors import InputError

OWN_IDS = 9_900_000
DISEASE, DRUG, EFFECT = "disease", "drug", "effect/phenotype"
ANATOMY, EXPOSURE = "anatomy", "exposure"
KINDS = (DISEASE, DRUG, EFFECT, ANATOMY, EXPOSURE)


@dataclass(frozen=True)
class Relation:
    """A kind of fact. display: as it is shown; x, y: kinds of its two nodes."""

    name: str
    display: str
    x: str
    y: str


RELATIONS = (
    Relation("indication", "indication", DRUG, DISEASE),
    Relation("contraindication", "contraindication", DRUG, DISEASE),
    Relation("off-label use", "off-label use", DRUG, DISEASE),
    Relation("drug_effect", "side effect", DRUG, EFFECT),
    Relation("disease_phenotype_positive", "phenotype present", DISEASE, EFFECT),
    Relation("disease_anatomy", "located in", DISEASE, ANATOMY),
    Relation("exposure_disease", "linked to", EXPOSURE, DISEASE),
    Relation("disease_disease", "parent-child", DISEASE, DISEASE),
    Relation("disease_complication", "may lead to", DISEASE, DISEASE),
)


@dataclass(frozen=True)
class Disease:
    """One of the lasting diseases. name: as within a sentence.

    synonyms: other names and abbreviations. group: organ system. icd9, icd10: codes without the
    dot; title9, title10: their long titles.
    """

    name: str
    synonyms: tuple[str, ...]
    icd9: str
    title9: str
    icd10: str
    title10: str
    definition: str
    mondo_id: str
    group: str


@dataclass(frozen=True)
class Node:
    """A thing that facts are about.

    kind: one of KINDS. synonyms: other names, abbreviations, for drugs how orders write them.
    conditions: phenotypes and other conditions of patients that it is or belongs to.
    mondo_id, definition: of diseases, else empty.
    """

    kind: str
    name: str
    synonyms: tuple[str, ...]
    conditions: tuple[str, ...]
    mondo_id: str
    definition: str


@dataclass(frozen=True)
class Fact:
    """`x` stands in `relation` to `y`: a drug's indication is a disease; parent, then child."""

    relation: Relation
    x: Node
    y: Node


@cache
def diseases() -> tuple[Disease, ...]:
    """Rows of diseases.csv, in its order."""
    return tuple(
        Disease(**{**row, "synonyms": _several(row["synonyms"])})  # type: ignore[arg-type]
        for row in _rows("diseases.csv")
    )


@cache
def nodes() -> tuple[Node, ...]:
    """Lasting diseases as nodes, then the rows of nodes.csv.

    Raises InputError for an unknown kind, or a name that two nodes of one kind share.
    """
    lasting = [Node(DISEASE, d.name, d.synonyms, (), d.mondo_id, d.definition) for d in diseases()]
    listed = [
        Node(
            kind=row["kind"],
            name=row["name"],
            synonyms=_several(row["synonyms"]),
            conditions=_several(row["conditions"]),
            mondo_id=row["mondo_id"],
            definition=row["definition"],
        )
        for row in _rows("nodes.csv")
    ]
    found = (*lasting, *listed)
    check_nodes(found)
    return found


@cache
def facts() -> tuple[Fact, ...]:
    """Rows of facts.csv.

    Raises InputError for an unknown relation or node, or a fact that is stated twice.
    """
    return resolve((row["relation"], row["x"], row["y"]) for row in _rows("facts.csv"))


def check_nodes(found: Iterable[Node]) -> None:
    """Raise InputError for an unknown kind, or a name or synonym that two nodes of a kind share."""
    seen: dict[tuple[str, str], Node] = {}
    for node in found:
        if node.kind not in KINDS:
            raise InputError(
                f"nodes.csv: {node.name}: expected a kind of {KINDS}, found {node.kind!r}"
            )
        for word in {node.name.lower(), *(s.lower() for s in node.synonyms)}:
            other = seen.setdefault((node.kind, word), node)
            if other is not node:
                raise InputError(
                    f"nodes.csv: expected names that differ, found {word!r} as {node.kind} twice:"
                    f" {other.name} and {node.name}"
                )


def resolve(rows: Iterable[tuple[str, str, str]]) -> tuple[Fact, ...]:
    """Facts from (relation, name of x, name of y). Raises InputError as `facts`."""
    relations = {relation.name: relation for relation in RELATIONS}
    known = {(node.kind, node.name): node for node in nodes()}
    seen: dict[tuple[str, str, str], Fact] = {}
    for name, x, y in rows:
        if name not in relations:
            raise InputError(
                f"facts.csv: expected a relation of {tuple(relations)}, found {name!r}"
            )
        relation = relations[name]
        for kind, end in ((relation.x, x), (relation.y, y)):
            if (kind, end) not in known:
                raise InputError(
                    f"facts.csv: {name}: expected a {kind} of nodes.csv or diseases.csv,"
                    f" found {end!r}"
                )
        if (name, x, y) in seen:
            raise InputError(f"facts.csv: expected each fact once, found twice: {name}, {x}, {y}")
        seen[name, x, y] = Fact(relation, known[relation.x, x], known[relation.y, y])
    return tuple(seen.values())


@cache
def contraindicated() -> frozenset[tuple[str, str]]:
    """(drug, condition) of contraindications: name or synonym in lower case; phenotype or other."""
    return frozenset(
        (word.lower(), condition)
        for fact in facts()
        if fact.relation.name == "contraindication"
        for word in (fact.x.name, *fact.x.synonyms)
        for condition in fact.y.conditions
    )


def _several(text: str) -> tuple[str, ...]:
    return tuple(text.split("|")) if text else ()


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("fusehr.core.knowledge") / name).read_text()
    return list(csv.DictReader(text.splitlines()))
