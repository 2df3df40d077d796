"""The codes that the synthetic source writes mean what the tables room reads in them.

The two rooms do not import each other, so this is the one place where their lists meet.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fusehr.tables.phenotypes import phenotypes_of

VOCABULARY = Path(__file__).parents[2] / "src/fusehr/raw/synthetic/vocabulary/diagnoses.csv"


def test_every_code_has_the_phenotype_it_is_written_for_and_no_other() -> None:
    codes = pd.read_csv(VOCABULARY, dtype=str)
    named = {p for p in codes["condition"] if (codes["condition"] == p).sum() > 2}
    assert len(named) == 25
    for row in codes.itertuples():
        expected = {str(row.condition)} & named
        assert phenotypes_of(str(row.icd_code), int(str(row.icd_version))) == expected, row.icd_code
