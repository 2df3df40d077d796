"""Billed procedures, with the titles of ICD-9-CM and ICD-10-PCS as MIMIC-IV has them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Procedure:
    """A code that a procedure is billed under."""

    procedure: str
    icd_version: int
    icd_code: str
    long_title: str


@cache
def codes() -> tuple[Procedure, ...]:
    """Every code that is ever billed, in the order of procedures.csv."""
    text = (resources.files("fusehr.raw.synthetic.vocabulary") / "procedures.csv").read_text()
    return tuple(
        Procedure(row["procedure"], int(row["icd_version"]), row["icd_code"], row["long_title"])
        for row in csv.DictReader(text.splitlines())
    )
