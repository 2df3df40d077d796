"""General facts: whole, unambiguous, and apart from what the tasks predict."""

from __future__ import annotations

from collections import Counter

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.knowledge import facts as knowledge
from fusehr.core.knowledge.facts import (
    DISEASE,
    DRUG,
    OWN_IDS,
    RELATIONS,
    Node,
    check_nodes,
    contraindicated,
    diseases,
    facts,
    nodes,
    resolve,
)
from fusehr.raw.synthetic.vocabulary.conditions import COMORBIDITIES, NAMES, diagnoses
from fusehr.raw.synthetic.vocabulary.drugs import drugs
from fusehr.tables.phenotypes import phenotypes_of

# What clinicians write for other things: room air, milligram, Ms., heart rate, patient ...
ORDINARY = {"ra", "mg", "ms", "as", "pt", "hr", "or", "it", "all", "he", "pe", "bp", "rr", "epi"}


def test_there_are_150_diseases_with_names_and_codes_of_their_own() -> None:
    listed = diseases()
    assert len(listed) == 150
    for field in ("name", "icd9", "icd10", "mondo_id", "definition"):
        twice = [v for v, n in Counter(getattr(d, field) for d in listed).items() if n > 1]
        assert not twice, field
    for disease in listed:
        assert 1 <= len(disease.synonyms) <= 4, disease.name
        assert disease.name[0].islower() or disease.name.startswith("G6PD")
        assert disease.definition.endswith(".")
        assert disease.title9
        assert disease.title10
        assert all(
            text.isascii()
            for text in (disease.name, *disease.synonyms, disease.definition, disease.title9)
        )


def test_no_code_of_a_lasting_disease_is_a_label() -> None:
    found = {
        disease.name: phenotypes_of(disease.icd9, 9) | phenotypes_of(disease.icd10, 10)
        for disease in diseases()
    }
    assert not {name: p for name, p in found.items() if p}
    # nor one that another condition is billed under
    others = {(code.icd_version, code.icd_code) for code in diagnoses()}
    own = {(v, c) for d in diseases() for v, c in ((9, d.icd9), (10, d.icd10))}
    assert not own & others


def test_words_for_diseases_name_one_disease_and_nothing_else() -> None:
    words = [w for n in nodes() if n.kind == DISEASE for w in (n.name, *n.synonyms)]
    assert not [w for w, n in Counter(w.lower() for w in words).items() if n > 1]
    assert not {w.lower() for w in words} & ORDINARY
    assert all(w == w.strip() and w for w in words)


def test_ids_of_diseases_are_distinct_numbers() -> None:
    ids = [node.mondo_id for node in nodes() if node.kind == DISEASE]
    assert len(set(ids)) == len(ids)
    assert all(i.isdecimal() and not i.startswith("0") and int(i) < 10_000_000 for i in ids)
    assert sum(int(i) < OWN_IDS for i in ids) > 80


def test_every_condition_of_patients_is_a_node_and_every_node_is_used() -> None:
    named = {condition for node in nodes() for condition in node.conditions}
    assert named == {*NAMES, *COMORBIDITIES}
    touched = {id(end) for fact in facts() for end in (fact.x, fact.y)}
    lasting = {disease.name for disease in diseases()}
    idle = [
        n.name for n in nodes() if id(n) not in touched and n.name not in lasting and n.kind != DRUG
    ]
    assert not idle
    defined = [n for n in nodes() if n.kind == DISEASE]
    assert all(len(n.definition) > 20 for n in defined)


def test_facts_are_many_and_of_every_relation() -> None:
    found = Counter(fact.relation.name for fact in facts())
    assert 600 <= sum(found.values()) <= 1200
    assert set(found) == {relation.name for relation in RELATIONS}
    assert all(f.x.kind == f.relation.x and f.y.kind == f.relation.y for f in facts())


def test_no_drug_is_both_indicated_and_contraindicated() -> None:
    def pairs(relation: str) -> set[tuple[str, str]]:
        return {(f.x.name, f.y.name) for f in facts() if f.relation.name == relation}

    against = pairs("contraindication")
    assert not against & (pairs("indication") | pairs("off-label use"))
    # else the order that the condition brings about would always be left out
    assert not {(d.drug.lower(), d.reason) for d in drugs()} & contraindicated()


def test_every_contraindication_can_be_seen_in_what_a_patient_has() -> None:
    unseen = [
        (f.x.name, f.y.name)
        for f in facts()
        if f.relation.name == "contraindication" and not f.y.conditions
    ]
    assert not unseen
    assert ("metformin (glucophage)", "acute_renal_failure") in contraindicated()
    assert ("metformin", "acute_renal_failure") in contraindicated()
    assert ("metformin", "copd") not in contraindicated()


def test_every_ordered_drug_is_a_node() -> None:
    known = {w.lower() for n in nodes() if n.kind == DRUG for w in (n.name, *n.synonyms)}
    assert not {d.drug.lower() for d in drugs()} - known


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("indication", "metformin", "gluten"), "gluten"),
        (("cures", "metformin", "anemia"), "cures"),
        (("indication", "anemia", "metformin"), "anemia"),
    ],
)
def test_facts_about_unknown_things_are_refused(row: tuple[str, str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        resolve([row])


def test_a_fact_stated_twice_is_refused() -> None:
    row = ("indication", "metformin", "type 2 diabetes mellitus")
    assert len(resolve([row])) == 1
    with pytest.raises(InputError, match="twice"):
        resolve([row, row])


def test_names_that_two_nodes_share_are_refused() -> None:
    one = Node(DISEASE, "anemia", ("low hemoglobin",), (), "1", "")
    check_nodes([one, Node(knowledge.EFFECT, "anemia", (), (), "", "")])
    with pytest.raises(InputError, match="low hemoglobin"):
        check_nodes([one, Node(DISEASE, "Low Hemoglobin", (), (), "2", "")])
    with pytest.raises(InputError, match="kind"):
        check_nodes([Node("gene", "HFE", (), (), "", "")])
