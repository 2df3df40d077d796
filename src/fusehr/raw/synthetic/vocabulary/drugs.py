"""Prescribed drugs: names, product codes and usual doses as in MIMIC-IV, and their reasons."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Drug:
    """A drug as ordered. reason: a phenotype, `any`, `icu`, `vasopressor` or `ventilation`.

    chance: of an order where the reason holds. order: the columns of prescriptions from
    formulary_drug_cd to route, by name.
    """

    drug: str
    reason: str
    chance: float
    order: dict[str, str]


@cache
def drugs() -> tuple[Drug, ...]:
    """Rows of drugs.csv."""
    text = (resources.files("fusehr.raw.synthetic.vocabulary") / "drugs.csv").read_text()
    return tuple(
        Drug(row.pop("drug"), row.pop("reason"), float(row.pop("chance")), row)
        for row in csv.DictReader(text.splitlines())
    )
