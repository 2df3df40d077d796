"""A flat table's rows and cells as they are told apart, from CSV and from Excel alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import yaml

from fusehr.core.flat_files import CELLS, ROWS
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, read_parquet
from fusehr.core.frame.params import validate
from fusehr.core.params.raw import FlatParams
from fusehr.raw import flat

REPOSITORY = Path(__file__).parents[2]
HEADER = ["HR", "grade", "ward", "age", "text", "label"]
ROWS_GIVEN: list[list[Any]] = [
    [98, 1.5, "a", 60, "Pt reports chest pain.", 1],
    [101.6, None, "b", 71, None, 0],
    [80, 2, None, None, "No fever.", 0],
]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CSV file that FUSEHR_FLAT names; free to be changed."""
    path = tmp_path / "cases.csv"
    pd.DataFrame(ROWS_GIVEN, columns=pd.Index(HEADER)).to_csv(path, index=False)
    monkeypatch.setenv("FUSEHR_FLAT", str(path))
    return path


def params(**changes: Any) -> FlatParams:
    block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["raw"]["flat"]
    return validate(block | {"restricted": False, "age": "age"} | changes, FlatParams, "raw.flat")


def brought(place: Path, **changes: Any) -> Path:
    place.mkdir(exist_ok=True)
    flat.write(place, params(**changes), "local")
    return place / "flat"


def cells(own: Path) -> dict[tuple[int, str], Any]:
    found = read_parquet(own / "cells.parquet", CELLS)
    shown = found["value"].astype(object).where(found["reason"].isna(), found["reason"])
    return dict(zip(zip(found["row"], found["code"], strict=True), shown, strict=True))


def test_numbers_are_values_and_words_are_categories(table: Path, tmp_path: Path) -> None:
    own = brought(tmp_path / "raw", variables={"heart_rate": "HR"})
    assert cells(own) == {
        (2, "heart_rate"): 98.0,
        (3, "heart_rate"): 101.6,
        (4, "heart_rate"): 80.0,
        (2, "grade"): 1.5,
        (3, "grade"): "no_value",
        (4, "grade"): 2.0,
        (2, "ward=a"): 1.0,
        (3, "ward=a"): 0.0,
        (2, "ward=b"): 0.0,
        (3, "ward=b"): 1.0,
        (4, "ward"): "no_value",
    }
    rows = read_parquet(own / "rows.parquet", ROWS)
    assert rows["patient_id"].tolist() == rows["row"].tolist() == [2, 3, 4]
    assert rows["text"].isna().tolist() == [False, True, False]
    assert [list(names) for names in rows["classes"]] == [["positive"], [], []]
    assert read_json(own / "settings.json")["classes"] == ["positive"]


def test_excel_gives_what_csv_gives(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_csv = brought(tmp_path / "csv")
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (HEADER, *ROWS_GIVEN):
        sheet.append(row)
    book.save(tmp_path / "cases.xlsx")
    monkeypatch.setenv("FUSEHR_FLAT", str(tmp_path / "cases.xlsx"))
    as_excel = brought(tmp_path / "xlsx")
    for path in as_csv.iterdir():
        assert path.read_bytes() == (as_excel / path.name).read_bytes(), path.name


def test_words_of_too_many_kinds_are_left_out_and_stray_ones_counted(
    table: Path, tmp_path: Path
) -> None:
    lines = table.read_text().replace("101.6,", "fast,")
    table.write_text(lines)
    found = cells(brought(tmp_path / "raw", most_categories=2))
    assert found[3, "HR"] == "not_a_number" and found[2, "ward=a"] == 1.0
    table.write_text(lines.replace("80.0,2.0,,", "80.0,2.0,c,"))
    found = cells(brought(tmp_path / "again", most_categories=2))
    assert [found[row, "ward"] for row in (2, 3, 4)] == ["too_many_categories"] * 3


def test_other_labels_are_classes_unless_one_is_positive(table: Path, tmp_path: Path) -> None:
    text = table.read_text().replace(",1\n", ",septic\n").replace(",0\n", ",well\n")
    table.write_text(text)
    own = brought(tmp_path / "classes")
    assert read_json(own / "settings.json")["classes"] == ["septic", "well"]
    own = brought(tmp_path / "positive", positive="septic")
    rows = read_parquet(own / "rows.parquet", ROWS)
    assert [list(names) for names in rows["classes"]] == [["positive"], [], []]


def test_rows_of_a_patient_need_times(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table).assign(id=["p1", "p2", "p1"])
    frame.to_csv(table, index=False)
    with pytest.raises(InputError, match=r"found row 4 beside another; raw.flat.time names"):
        brought(tmp_path / "without", id="id")
    frame.assign(time=["2020-01-01", "2020-01-02 08:30", "2020-02-01"]).to_csv(table, index=False)
    rows = read_parquet(brought(tmp_path / "with", id="id", time="time") / "rows.parquet", ROWS)
    assert rows["patient_id"].tolist() == [1, 2, 1]
    assert rows["time"].iloc[1] == pd.Timestamp("2020-01-02 08:30")


@pytest.mark.parametrize(
    ("old", "new", "changes", "message"),
    [
        ("", "", {"label": "y"}, r"raw.flat.label: expected a column .* HR, .* found y"),
        ("", "", {"variables": {"ph": "PH"}}, r"raw.flat.variables.ph: .* found PH"),
        ("", "", {"label": "text"}, r"raw.flat: expected each column once, found text twice"),
        ("", "", {"positive": "2"}, r"column label: expected 2 .* in a row, found none"),
        (",0\n", ",\n", {}, r"column label .*: expected a value in every row, found 2 .* first 3"),
        ("HR", "", {}, r"column 1: expected a name in row 1"),
        ("ward", "HR", {}, r"column HR: expected one of that name, found several"),
        ("101.6,", "101.6,98,98,98,98,98,", {}, r"expected a CSV file in UTF-8"),
        ("", "", {"time": "text"}, r"each column once, found text twice"),
        ("", "", {"time": "HR"}, r"column HR: expected a time such as .* in 3 rows, the first 2"),
    ],
)
def test_what_is_wrong_is_named(
    table: Path, tmp_path: Path, old: str, new: str, changes: dict[str, Any], message: str
) -> None:
    if old:
        assert old in table.read_text()
        table.write_text(table.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        brought(tmp_path / "raw", **changes)


def test_a_missing_file_another_kind_and_a_damaged_one_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FUSEHR_FLAT", raising=False)
    with pytest.raises(InputError, match=r"FUSEHR_FLAT: expected .* found it unset"):
        brought(tmp_path / "raw")
    for name, message in (("cases.sav", r"ends in .csv or .xlsx"), ("cases.xlsx", r"Excel")):
        path = tmp_path / name
        path.write_text("no table")
        monkeypatch.setenv("FUSEHR_FLAT", str(path))
        with pytest.raises(InputError, match=message):
            brought(tmp_path / "raw")
