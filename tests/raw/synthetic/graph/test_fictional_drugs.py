"""Fictional drugs: none is, or could be misread as, another or a real one."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np

from fusehr.core.knowledge.facts import DRUG, nodes
from fusehr.raw.synthetic.graph.edges import DRUGS
from fusehr.raw.synthetic.vocabulary.drugs import drugs, fictional_drugs


def edits(one: str, other: str) -> int:
    """Levenshtein distance."""
    row = np.arange(len(other) + 1)
    for i, letter in enumerate(one, start=1):
        changed = row[:-1] + np.array([letter != o for o in other])
        left = i
        after = [i]
        for above, change in zip(row[1:], changed, strict=True):
            left = min(left + 1, above + 1, change)
            after.append(left)
        row = np.array(after)
    return int(row[-1])


def alike(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 2:
        return False
    # letters that only one of them has: at most two for each edit
    if len(set(one) ^ set(other)) > 4:
        return False
    return edits(one, other) <= 2


def test_distance_is_counted_in_edits() -> None:
    assert edits("veltarolol", "veltarolol") == 0
    assert edits("veltarolol", "veltaralol") == 1
    assert edits("kitten", "sitting") == 3
    assert alike("veltarolol", "veltarolo")
    assert not alike("veltarolol", "metoprolol")


def test_names_are_told_apart() -> None:
    names = [drug.name for drug in fictional_drugs()]
    assert len(names) == DRUGS
    assert all(re.fullmatch("[a-z]{7,14}", name) for name in names)
    assert not [pair for pair in combinations(names, 2) if alike(*pair)]


def test_no_name_is_near_a_real_drug() -> None:
    ordered = {w for d in drugs() for w in re.findall("[a-z]{4,}", d.drug.lower())}
    known = {
        w
        for n in nodes()
        if n.kind == DRUG
        for text in (n.name, *n.synonyms)
        for w in re.findall("[a-z]{4,}", text.lower())
    }
    real = ordered | known
    assert "metoprolol" in real
    assert not [(d.name, r) for d in fictional_drugs() for r in real if alike(d.name, r)]


def test_orders_have_the_columns_of_real_ones_and_no_product_code() -> None:
    columns = list(drugs()[0].order)
    for drug in fictional_drugs():
        assert list(drug.order) == columns
        assert drug.order["ndc"] == "0"
        assert drug.order["gsn"] == ""
        assert drug.order["prod_strength"]
        assert drug.kind
    codes = [drug.order["formulary_drug_cd"] for drug in fictional_drugs()]
    assert len(set(codes)) == DRUGS
