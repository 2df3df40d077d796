"""A flat table becomes tables: a row is known at its time, and seen by its own sample alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from fusehr.core.cohort import load_task
from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import validate
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import FlatParams
from fusehr.core.params.tables import TablesParams
from fusehr.raw import flat, manifest
from fusehr.tables.audit import audit
from fusehr.tables.convert import convert

from .queried import rows_of

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cases.csv"
    n = 12
    frame = pd.DataFrame(
        {
            "id": [k % 10 for k in range(n)],
            "time": [f"2020-01-{k + 1:02d}" for k in range(n)],
            "heart_rate": [60.0 + k for k in range(n)],
            "ward": ["a", "b"] * (n // 2),
            "remark": [f"word {k}" for k in range(n)],
            "age": [50 + k for k in range(n)],
            "sex": ["F", "male", "x"] * (n // 3),
            "text": [f"Case {k} reports pain." for k in range(n)],
            "label": [k % 3 for k in range(n)],
        }
    )
    frame.to_csv(path, index=False)
    monkeypatch.setenv("FUSEHR_FLAT", str(path))
    return path


def _tables(place: Path, params: TablesParams, **changes: Any) -> Path:
    raw = place / "raw"
    raw.mkdir(parents=True)
    block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["raw"]["flat"]
    given = {"restricted": False, "id": "id", "time": "time", "age": "age", "sex": "sex"}
    chosen = validate(block | given | {"most_categories": 5} | changes, FlatParams, "raw.flat")
    entries = flat.write(raw, chosen, "local")
    manifest.write(raw, Manifest("flat", False, tuple(entries)))
    convert(raw, place / "tables", place / "tables.json", params)
    return place / "tables"


def test_a_row_is_a_sample_that_sees_its_own_cells(
    table: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    samples = load_task(tables, "outcome")
    assert samples.classes == ("0", "1", "2") and samples.labels.sum() == 12
    assert samples.samples["patient_id"].nunique() == 10
    checked = audit(tables, threads=1)["rule_1_availability"]
    # of each row heart_rate, ward=a and ward=b, not those of the patient's earlier row
    assert checked["outcome_events"] == 3 * 12
    # notes of earlier rows are history: patients 0 and 1 have two rows
    assert checked["outcome_notes"] == 12 + 2
    assert rows_of(
        tables, "SELECT age, sex FROM static WHERE patient_id < 3 ORDER BY patient_id, visit_id"
    ) == [(50.0, "F"), (60.0, "M"), (51.0, "M"), (61.0, "U"), (52.0, "U")]


def test_what_is_no_category_is_left_out_and_counted(
    table: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    assert rows_of(tables, "SELECT DISTINCT code FROM dynamic ORDER BY 1") == [
        ("heart_rate",),
        ("ward=a",),
        ("ward=b",),
    ]
    dropped = read_json(tmp_path / "run/tables.json")["dropped"]
    assert dropped == {"values": {"too_many_categories": 12}}


def test_a_binary_label_and_a_kind_of_note_of_ones_own(
    table: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(
        tmp_path / "run", params(), positive="2", task="sepsis", note_kind="discharge", text="text"
    )
    samples = load_task(tables, "sepsis")
    assert samples.kind == "binary" and samples.labels.sum() == 4
    assert rows_of(tables, "SELECT DISTINCT code FROM notes") == [("discharge",)]


def test_the_same_table_gives_the_same_bytes(
    table: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    one, two = (_tables(tmp_path / name, params(), id=None, time=None) for name in ("one", "two"))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name


LONG = "Pt reports chest pain since yesterday, worse on exertion, without fever; " * 2


def test_patients_with_the_same_text_are_never_parted(
    table: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    frame = pd.read_csv(table).drop(columns=["id", "time"])
    frame.loc[[2, 5, 9], "text"] = LONG
    frame.loc[[3, 4], "text"] = "No acute process."
    frame.to_csv(table, index=False)
    tables = _tables(tmp_path, params(split__kind="cv", split__folds=6), id=None, time=None)
    assert rows_of(
        tables, "SELECT count(*), count(DISTINCT patient_id) FROM notes WHERE length(text) > 100"
    ) == [(3, 1)]
    # what is said of many joins nobody, and each row is still a sample of its own
    assert rows_of(tables, "SELECT count(*), count(DISTINCT patient_id) FROM samples") == [(12, 10)]
    assert audit(tables, threads=1)["rule_2_folds"]["texts"] == 3
