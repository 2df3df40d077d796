"""The measures, on the example hospital, whose answers can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fusehr.core.params.tables import TablesParams
from fusehr.tables.card.measures import by_hour, described, measure
from fusehr.tables.card.source import open_source

# Two of four visits have an ICU stay: one of 56 h after a change of bed, one of 102 h that ends in
# death. A third stay begins before its admission and is no stay.
BY_HAND = {
    "icu_visit": (2 / 4, 4),
    "long_stay": (2 / 3, 3),
    "hospital_mortality": (1 / 2, 2),
    "mortality_after_48h": (1 / 2, 2),
    "readmission_30d": (1 / 2, 2),
    "icu_days/median": ((56 + 102) / 2 / 24, 2),
    "notes/nursing": (2 / 5, 5),
    "images": (3 / 5, 5),
    "drug_orders": (1 / 4, 4),
    "phenotype/shock": (1 / 2, 2),
    "phenotype/copd": (0, 2),
    # of 96 stay-hours; the pulse on the way to the unit does not count
    "present/heart_rate": (1 / 96, 2),
    "present/fio2": (2 / 96, 2),
    # the last hour of the 48
    "present/creatinine": (1 / 96, 2),
}


@pytest.fixture
def measured(converted: Path, card_params: TablesParams) -> pd.DataFrame:
    with open_source(converted / "raw", converted / "tables", card_params) as con:
        return measure(con).set_index("name")


def test_the_example_hospital_as_counted_by_hand(measured: pd.DataFrame) -> None:
    for name, (value, n) in BY_HAND.items():
        assert measured.loc[name, "value"] == pytest.approx(value, abs=5e-5), name
        assert measured.loc[name, "n"] == n, name


def test_what_a_source_lacks_gives_no_row(measured: pd.DataFrame) -> None:
    assert "present/albumin" not in measured.index
    assert "notes/nursing" in measured.index


def test_people_with_and_without(measured: pd.DataFrame) -> None:
    with_without = measured[["people", "others"]].T.to_dict("list")
    assert with_without["hospital_mortality"] == [1, 1]
    # patient 10000001 has a visit with a stay and one without
    assert with_without["icu_visit"] == [2, 2]


def test_the_tasks_labels_agree_with_the_fixed_definitions(
    synthetic: Path, card_params: TablesParams
) -> None:
    label = pd.read_parquet(synthetic / "tables/label.parquet")
    with open_source(synthetic / "raw", synthetic / "tables", card_params) as con:
        found = measure(con).set_index("name")
    for name, task in (("mortality_after_48h", "mortality"), ("readmission_30d", "readmission")):
        mine = label.loc[label["task"] == task, "label_value"]
        assert found.loc[name, "n"] == len(mine)
        assert found.loc[name, "value"] == pytest.approx(mine.mean(), abs=5e-5)


def test_presence_by_hour_in_the_order_of_the_variables(
    converted: Path, card_params: TablesParams
) -> None:
    with open_source(converted / "raw", converted / "tables", card_params) as con:
        found = by_hour(con).set_index(["code", "hour"])
    assert found[["share", "people", "others"]].T.to_dict("list")["spo2", 24] == [0.5, 1, 1]
    # rows of out/dynamic.csv within the 96 stay-hours
    assert found["share"].sum() * 2 == pytest.approx(14)
    codes = list(dict.fromkeys(found.index.get_level_values("code")))
    has = set(pd.read_parquet(converted / "tables/dynamic.parquet")["code"])
    assert codes[:2] == ["heart_rate", "sbp"] and set(codes) == {c for c in has if "/" not in c}


def test_every_measure_has_a_title_and_a_unit(measured: pd.DataFrame) -> None:
    known = described()
    assert known["name"].is_unique
    assert not known.isna().any(axis=None)
    assert set(measured.index) <= set(known["name"])
