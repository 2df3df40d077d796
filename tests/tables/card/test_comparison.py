"""What is compared with what, and that every large difference is explained."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fusehr.core.params.tables import TablesParams
from fusehr.raw.synthetic.vocabulary.conditions import PHENOTYPES
from fusehr.tables.card.comparison import COLUMNS, DEMO, compare, explained, references
from fusehr.tables.card.measures import described, measure
from fusehr.tables.card.source import open_source


def _measures(**values: float) -> pd.DataFrame:
    frame = pd.DataFrame({"name": list(values), "value": list(values.values())})
    return frame.assign(n=2000, people=900, others=900)


@pytest.fixture
def one_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """`female` at 0.5 and `age/median` at 60, of 10,000."""
    frame = pd.DataFrame(
        {
            "name": ["female", "age/median"],
            "reference": [0.5, 60.0],
            "reference_n": pd.array([10_000, 10_000], dtype="Int64"),
            "reference_source": ["a paper", "a paper"],
        }
    )
    monkeypatch.setattr("fusehr.tables.card.comparison.references", lambda: frame)


@pytest.mark.parametrize(
    "name, value, n, large",
    [
        ("female", 0.53, 2000, False),  # beyond chance, but nobody would see it
        ("female", 0.57, 2000, True),
        ("female", 0.57, 50, False),  # chance makes it
        ("age/median", 75.0, 2000, False),
        ("age/median", 81.0, 2000, True),
    ],
)
def test_what_counts_as_large(
    one_reference: None, name: str, value: float, n: int, large: bool
) -> None:
    found = compare(_measures(**{name: value}).assign(n=n), "synthetic")
    assert found["large"].tolist() == [large]


def test_a_small_share_is_large_by_its_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = references().iloc[:1].assign(name="female", reference=0.03, reference_n=10_000)
    monkeypatch.setattr("fusehr.tables.card.comparison.references", lambda: frame)
    assert compare(_measures(female=0.06), "synthetic")["large"].all()
    assert not compare(_measures(female=0.04), "synthetic")["large"].any()


def test_every_reference_is_of_a_measure_and_says_where_it_comes_from() -> None:
    found = references()
    assert set(found["name"]) <= set(described()["name"])
    assert not found[["reference", "reference_source"]].isna().any(axis=None)
    assert not found.duplicated(["name", "reference_source"]).any()
    assert found.loc[found["reference_source"] == DEMO, "reference_n"].notna().all()


def test_published_phenotypes_are_those_that_the_source_is_set_to() -> None:
    found = references()
    published = found[found["reference_source"].str.contains("train stays")]
    expected = {f"phenotype/{p.name}": p.prevalence for p in PHENOTYPES}
    assert dict(zip(published["name"], published["reference"], strict=True)) == expected


def test_the_demo_is_not_compared_with_itself() -> None:
    found = compare(_measures(female=0.4683), "mimic4_demo")
    assert DEMO not in set(found["reference_source"])
    assert DEMO in set(compare(_measures(female=0.4683), "synthetic")["reference_source"])


def test_a_row_a_reference_and_one_where_there_is_none() -> None:
    found = compare(_measures(**{"images": 1.2, "notes/odd_kind": 3.0}), "synthetic")
    assert list(found.columns) == COLUMNS
    assert found["name"].tolist() == ["images", "notes/odd_kind"]
    assert found["reference"].isna().all()
    assert not found[["group", "title", "unit"]].isna().any(axis=None)


def test_a_difference_that_no_sentence_fits_is_named() -> None:
    row = compare(_measures(female=0.4), "synthetic").iloc[:1].assign(name="new", large=True)
    assert explained(row) == [("", ["new"])]


def test_every_large_difference_of_the_synthetic_source_is_explained(
    synthetic: Path, card_params: TablesParams
) -> None:
    with open_source(synthetic / "raw", synthetic / "tables", card_params) as con:
        found = compare(measure(con), "synthetic")
    assert found["large"].sum() > 3
    why = explained(found)
    assert "" not in dict(why)
    named = [name for _, names in why for name in names]
    assert set(found.loc[found["large"], "name"]) <= set(named)
    assert "long_stay" in named  # on purpose, large or not
