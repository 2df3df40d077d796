"""The 25 phenotypes of Harutyunyan et al., from ICD-9-CM and ICD-10-CM diagnosis codes.

A phenotype is one category of HCUP's Clinical Classifications Software (CCS). phenotypes.csv gives
each as code prefixes; the longest prefix of a code decides, and a prefix marked `exclude` says that
the code has none of the 25. A code therefore has at most one phenotype, as it has one CCS category.

ICD-9-CM: the single-level CCS to the letter, its oddities included: angioedema 995.1 is a fluid
disorder, postoperative shock 998.0 is a complication of care and not shock.

ICD-10-CM, so that a label means the same on both sides of October 2015:

1. A code keeps the category of the ICD-9-CM code of the same meaning, even where CCS's successor
   for ICD-10-CM, CCSR, moved it: there hypertensive heart failure I11.0 is heart failure,
   unspecified bronchitis J40 is acute, bacteremia R78.81 and dyspnea R06.0 are mere symptoms.
2. A code that says at once what took two ICD-9-CM codes keeps the phenotype of either: candidal
   sepsis B37.7 (112.5 with 995.91), alcoholic cirrhosis with ascites K70.31 (571.2 with 789.59),
   graft atherosclerosis with angina I25.7 (414.0x, a device complication in CCS, with 413.9).
   Septic shock R65.21 (995.92 with 785.52) is shock: guidelines demand a sepsis code before it.
3. A code that ICD-9-CM had no place for follows CCSR: hypertensive crisis I16, infarction type 2.

References
----------
Harutyunyan et al., Multitask learning and benchmarking with clinical time series data, Scientific
Data 6:96, 2019: the 25 categories and which of them are acute, chronic or mixed.
HCUP, Clinical Classifications Software for ICD-9-CM, appendix A, single-level diagnoses, 2014.
HCUP, Clinical Classifications Software Refined for ICD-10-CM diagnoses, v2023.1.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from fusehr.core.frame.errors import InputError

HERE = Path(__file__).parent
PREFIXES = HERE / "phenotypes.csv"
NAMES = HERE / "phenotype_names.csv"
KINDS = ("acute", "chronic", "mixed")
VERSIONS = (9, 10)
COUNT = 25


def phenotype_names() -> pd.DataFrame:
    """One row a phenotype in the paper's order: phenotype, title, ccs (int), kind."""
    names = pd.read_csv(NAMES)
    _stop_at(NAMES, "phenotype: unique", names[names["phenotype"].duplicated()])
    _stop_at(NAMES, "ccs: unique", names[names["ccs"].duplicated()])
    _stop_at(NAMES, f"kind: one of {KINDS}", names[~names["kind"].isin(KINDS)])
    if len(names) != COUNT:
        raise InputError(f"{NAMES.name}: expected {COUNT} phenotypes, found {len(names)}")
    return names


def phenotype_prefixes() -> pd.DataFrame:
    """One row a prefix: phenotype, kind, ccs (int), icd_version (9 or 10), prefix, exclude (bool).

    Raises InputError where a prefix stands twice in a version, is no part of an ICD code, or
    contradicts phenotype_names, or where a phenotype has no prefix in one of the versions.
    """
    table = pd.read_csv(PREFIXES, dtype={"prefix": "str"})
    table["exclude"] = table["exclude"].map({0: False, 1: True})
    _check(table)
    return table.astype({"exclude": bool})


def phenotypes_query() -> str:
    """The query of phenotypes.sql, to stand within another."""
    return (HERE / "phenotypes.sql").read_text().rstrip(" ;\n")


def phenotypes_of(code: str, icd_version: int) -> frozenset[str]:
    """Phenotype of a diagnosis code, or none; `code` as in MIMIC: no dot, upper case, maybe padded.

    >>> phenotypes_of("I5023  ", 10)
    frozenset({'congestive_heart_failure'})
    >>> phenotypes_of("4275", 9)
    frozenset()
    """
    if icd_version not in VERSIONS:
        raise InputError(f"icd_version: expected one of {VERSIONS}, found {icd_version}")
    code = code.rstrip(" ")
    for length in range(len(code), 0, -1):
        phenotypes = _lookup().get((icd_version, code[:length]))
        if phenotypes is not None:
            return phenotypes
    return frozenset()


@cache
def _lookup() -> dict[tuple[int, str], frozenset[str]]:
    """(icd_version, prefix) to its phenotype, empty for an excluding prefix."""
    table = phenotype_prefixes()
    return {
        (int(version), str(prefix)): frozenset() if exclude else frozenset({str(phenotype)})
        for version, prefix, phenotype, exclude in zip(
            table["icd_version"],
            table["prefix"],
            table["phenotype"],
            table["exclude"],
            strict=True,
        )
    }


def _check(table: pd.DataFrame) -> None:
    # stronger than unique with its phenotype: the longest prefix must name one phenotype
    twice = table.duplicated(["icd_version", "prefix"])
    _stop_at(PREFIXES, "icd_version, prefix: unique", table[twice])
    shape = table["prefix"].str.fullmatch("[A-Z]?[0-9][0-9A-Z]{1,5}")
    _stop_at(PREFIXES, "prefix: upper case, no dot", table[~shape.fillna(False).astype(bool)])
    _stop_at(PREFIXES, "exclude: 0 or 1", table[table["exclude"].isna()])

    keys = ["phenotype", "ccs", "kind"]
    known = table[keys].merge(phenotype_names()[keys], how="left", indicator=True)["_merge"]
    _stop_at(PREFIXES, f"{keys}: as in {NAMES.name}", table[(known != "both").to_numpy()])

    included = table.loc[~table["exclude"].astype(bool), ["phenotype", "icd_version"]]
    found = set(included.itertuples(index=False, name=None))
    wanted = {(name, version) for name in phenotype_names()["phenotype"] for version in VERSIONS}
    if found != wanted:
        raise InputError(
            f"{PREFIXES.name}: each of the {COUNT} phenotypes needs prefixes in both versions,"
            f" wrong: {sorted(found ^ wanted)[:5]}"
        )


def _stop_at(file: Path, rule: str, rows: pd.DataFrame) -> None:
    if not rows.empty:
        first = rows.head(5).to_dict("records")
        raise InputError(f"{file.name}: {rule}: broken by {len(rows)} rows, first {first}")
