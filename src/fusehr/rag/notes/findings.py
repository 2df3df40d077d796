"""Symptoms and signs that notes are searched for, whatever graph was chosen.

findings.csv lists findings as clinicians write them; the general facts add the symptoms and signs
that they relate to diseases. A concept counts the same by whichever of its names it is told.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from fusehr.core.frame.errors import InputError
from fusehr.core.knowledge.facts import EFFECT, nodes


@cache
def findings() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(concept, its names, its own first), those of findings.csv first.

    A name that the table gives to one concept is no other's; InputError where it gives it to two.
    """
    text = (resources.files("fusehr.rag.notes") / "findings.csv").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    taken: dict[str, str] = {}
    for row in csv.DictReader(text.splitlines()):
        concept = row["concept"]
        names = [concept, *(name for name in row["synonyms"].split("|") if name)]
        for name in names:
            other = taken.setdefault(name.lower(), concept)
            if other != concept:
                raise InputError(
                    f"findings.csv: expected names that differ, found {name!r} for both {other} "
                    f"and {concept}"
                )
        found[concept] = names
    for node in nodes():
        if node.kind == EFFECT:
            names = [name for name in (node.name, *node.synonyms) if name.lower() not in taken]
            concept = taken.get(node.name.lower(), node.name)
            found.setdefault(concept, []).extend(names)
            taken |= {name.lower(): concept for name in names}
    return tuple((concept, tuple(names)) for concept, names in found.items())
