"""Prescribed drugs: real ones, with product codes and doses as in MIMIC-IV, and fictional ones.

drugs.csv has real drugs and the reason for which each is ordered. fictional_drugs.csv has drugs
that do not exist: invented names on the stems that international nonproprietary names (INN) end
with, so that no false statement about a real drug is made by what the synthetic graph says of them.
They have no National Drug Code (0, as MIMIC-IV writes it) and no sequence number.
"""

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


@dataclass(frozen=True)
class FictionalDrug:
    """A drug that does not exist. name: as within a sentence. kind: the class its stem stands for.

    order: the columns of prescriptions from formulary_drug_cd to route, by name.
    """

    name: str
    kind: str
    order: dict[str, str]

    @property
    def label(self) -> str:
        """Name as orders and the graph write it."""
        return self.name.capitalize()


@cache
def drugs() -> tuple[Drug, ...]:
    """Rows of drugs.csv."""
    return tuple(
        Drug(row.pop("drug"), row.pop("reason"), float(row.pop("chance")), row)
        for row in _rows("drugs.csv")
    )


@cache
def fictional_drugs() -> tuple[FictionalDrug, ...]:
    """Rows of fictional_drugs.csv, in the order of the planted graph's drugs."""
    return tuple(
        FictionalDrug(row.pop("name"), row.pop("class"), row)
        for row in _rows("fictional_drugs.csv")
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("fusehr.raw.synthetic.vocabulary") / name).read_text()
    return list(csv.DictReader(text.splitlines()))
