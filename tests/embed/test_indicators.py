"""Values in words: rounded as a clinician writes them, so that texts repeat."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fusehr.embed.indicators import indicators

VARIABLES = Path(__file__).parents[2] / "src/fusehr/tables/variables.csv"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("heart_rate", 98.4, "Heart rate: 98 beats per minute (number of heart beats in a minute)"),
        ("heart_rate", 98.0, "Heart rate: 98 beats per minute (number of heart beats in a minute)"),
        ("temperature", 36.649999, "Body temperature: 36.6 degrees Celsius ("),
        ("ph", 7.4, "Blood pH: 7.40 ("),
        ("troponin", 0.004, "Troponin T: 0.00 ng/mL ("),
        ("platelets", 1234.0, "Platelet count: 1234 thousand per microlitre ("),
        ("sex", "female", "Sex: female ("),
    ],
)
def test_words(name: str, value: float | str, expected: str) -> None:
    one = next(one for one in indicators() if one.name == name)
    assert one.words(value).startswith(expected)


def test_every_name_is_a_variable_and_every_text_says_which_it_is() -> None:
    names = [one.name for one in indicators()]
    assert len(set(names)) == 31
    assert set(names) - {"age", "sex"} <= set(pd.read_csv(VARIABLES)["name"])
    assert len({one.words(98.0) for one in indicators()}) == 31
    assert all(one.definition and one.title for one in indicators())
