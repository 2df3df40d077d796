"""A folder in OneEHR's form becomes tables, and comes out again as it went in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import read_yaml
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import OneEhrParams
from fusehr.core.params.tables import TablesParams
from fusehr.raw import manifest, oneehr
from fusehr.tables.audit import audit
from fusehr.tables.convert import convert
from fusehr.tables.export import export_oneehr

from .queried import rows_of

ROOT = Path(__file__).parents[2]
STATIC = "patient_id,age,gender\n1,73.0,1.0\n2,30.0,0.0\n3,,\n4,50,1\n"
DYNAMIC = (
    "patient_id,event_time,code,value\n"
    "1,2020-01-31,D-D dimer,19.9\n1,2020-02-02,D-D dimer,2.5\n1,2020-02-03,PH value,7.4\n"
    "2,2020-02-05,Interleukin 1β,16\n3,2020-02-05,PH value,7.1\n4,2020-02-06,PH value,7\n"
)
LABEL = (
    "patient_id,label_time,label_code,label_value\n"
    "1,2020-02-03,outcome,1\n2,2020-02-05,outcome,0\n3,2020-02-06,outcome,1\n4,2020-02-07,outcome,0\n"
    "1,2020-02-03,los,17\n"
)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study's folder, which FUSEHR_ONEEHR names; free to be changed."""
    folder = tmp_path / "study"
    folder.mkdir()
    for name, text in (("static", STATIC), ("dynamic", DYNAMIC), ("label", LABEL)):
        (folder / f"{name}.csv").write_text(text)
    monkeypatch.setenv("FUSEHR_ONEEHR", str(folder))
    return folder


def _tables(
    tmp_path: Path,
    params: TablesParams,
    labels: tuple[str, ...] = ("label",),
    variables: dict[str, tuple[str, float]] | None = None,
    **tasks: str,
) -> Path:
    raw, tables = tmp_path / "raw", tmp_path / "tables"
    raw.mkdir()
    chosen = OneEhrParams(
        restricted=False, labels=list(labels), tasks=tasks, variables=variables or {}
    )
    entries = oneehr.write(raw, chosen, "local")
    manifest.write(raw, Manifest("oneehr", False, tuple(entries)))
    convert(raw, tables, tmp_path / "tables.json", params)
    return tables


def test_a_dated_value_is_known_at_the_end_of_its_day(
    study: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path, params(horizons={"day0": 24, "all": None}), mortality="outcome")
    assert rows_of(
        tables, "SELECT DISTINCT date_diff('hour', event_time, available_time) FROM dynamic"
    ) == [(24,)]
    counts = audit(tables, threads=1)["rule_1_availability"]
    # a day after the first value: what was measured on the first day, and nothing of the second
    assert counts["mortality@day0_events"] == 4
    assert counts["mortality@all_events"] == counts["mortality_events"] == 6
    assert rows_of(tables, "SELECT age, sex FROM static ORDER BY patient_id") == [
        (73.0, "M"),
        (30.0, "F"),
        (None, "U"),
        (50.0, "M"),
    ]


def test_horizons_are_one_sample_a_visit_and_change_no_fold(
    study: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    more = _tables(tmp_path / "with", params(horizons={"h60": 60}), mortality="outcome")
    less = _tables(tmp_path / "without", params(), mortality="outcome")
    assert (more / "splits.parquet").read_bytes() == (less / "splits.parquet").read_bytes()
    samples = "SELECT sample_id, patient_id, index_time::VARCHAR FROM samples WHERE task = '{}'"
    # patient 1 alone is there 60 hours after the first value
    assert rows_of(more, samples.format("mortality@h60")) == [
        ("mortality@h60-1", 1, "2020-02-02 12:00:00")
    ]
    assert rows_of(more, samples.format("mortality")) == rows_of(less, samples.format("mortality"))
    assert rows_of(more, "SELECT label_value FROM label WHERE task = 'mortality@h60'") == [(1.0,)]


def test_times_of_day_count_as_they_are(
    study: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    timed = DYNAMIC.replace("2020-02-05,PH", "2020-02-05 06:30:00,PH")
    (study / "dynamic.csv").write_text(timed)
    tables = _tables(tmp_path, params(), mortality="outcome")
    assert rows_of(tables, "SELECT count(*) FROM dynamic WHERE available_time <> event_time") == [
        (0,)
    ]


def test_what_went_in_comes_out(
    study: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    lines = LABEL.splitlines(keepends=True)
    (study / "label.csv").write_text("".join(lines[:5]))
    tables = _tables(tmp_path, params())
    export_oneehr(tables, tmp_path / "out", parquet=False)
    for name, keys in (
        ("dynamic", ["patient_id", "event_time", "code"]),
        ("static", ["patient_id"]),
        ("label", ["patient_id"]),
    ):
        before = pd.read_csv(study / f"{name}.csv").sort_values(keys, ignore_index=True)
        after = pd.read_csv(tmp_path / "out" / f"{name}.csv").sort_values(keys, ignore_index=True)
        same = [
            column for column in before if column in after and not str(column).endswith("_time")
        ]
        pd.testing.assert_frame_equal(before[same], after[same], check_dtype=False)
        if name == "dynamic":
            assert (
                pd.to_datetime(before["event_time"]) == pd.to_datetime(after["event_time"])
            ).all()


def test_parquet_gives_what_csv_gives(
    study: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    (tmp_path / "csv").mkdir()
    as_csv = _tables(tmp_path / "csv", params(), mortality="outcome")
    for path in list(study.glob("*.csv")):
        dates = [name for name in ("event_time", "label_time") if name in path.read_text()[:60]]
        pd.read_csv(path, parse_dates=dates).to_parquet(path.with_suffix(".parquet"))
        path.unlink()
    (tmp_path / "parquet").mkdir()
    as_parquet = _tables(tmp_path / "parquet", params(), mortality="outcome")
    for path in as_csv.glob("*.parquet"):
        assert path.read_bytes() == (as_parquet / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("dynamic", "code,value", "code,number", r"dynamic.csv: column value: expected, found"),
        ("dynamic", "\n4,2020", "\n9,2020", r"dynamic: column patient_id: .* static has, found 1"),
        (
            "dynamic",
            "2020-02-06",
            "6 Feb",
            r"line 7: column event_time: expected TIME",
        ),
        ("dynamic", ",7.1", ",positive", r"values: expected at most 5.0% .* as not_a_number"),
        ("static", "patient_id", "id", r"static.csv: column patient_id: expected, found id"),
        (
            "label",
            "outcome,0",
            "outcome,2",
            r"expected 0 or 1, .* in 2 rows of outcome",
        ),
    ],
)
def test_bad_files_are_named(
    study: Path,
    tmp_path: Path,
    params: Callable[..., TablesParams],
    file: str,
    old: str,
    new: str,
    message: str,
) -> None:
    path = study / f"{file}.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        _tables(tmp_path, params(), mortality="outcome")
    assert not (tmp_path / "tables").exists()


def test_which_labels_are_tasks_is_told(
    study: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    with pytest.raises(InputError, match=r"other values in 1 rows of los; .* raw.oneehr.tasks"):
        _tables(tmp_path, params())
    (tmp_path / "again").mkdir()
    with pytest.raises(InputError, match=r"raw.oneehr.tasks.sepsis: .* los, outcome; found x"):
        _tables(tmp_path / "again", params(), sepsis="x")


def test_a_missing_file_is_named(study: Path, tmp_path: Path) -> None:
    (study / "dynamic.csv").unlink()
    with pytest.raises(InputError, match=r"dynamic: expected a file that ends in .*, found none"):
        oneehr.write(
            tmp_path,
            OneEhrParams(restricted=False, labels=["label"], tasks={}, variables={}),
            "local",
        )


def test_a_restricted_study_needs_its_own_remote(study: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"raw.remote"):
        oneehr.write(
            tmp_path, OneEhrParams(restricted=True, labels=["label"], tasks={}, variables={}), ""
        )


def test_a_code_is_a_variable_in_its_unit_by_name_and_factor(
    study: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    rows = "1,2020-01-31,Serum glucose,10\n2,2020-02-05,Serum glucose,7.77\n"
    (study / "dynamic.csv").write_text(DYNAMIC + rows + "4,2020-02-06,Serum glucose,900\n")
    units = {"glucose": ("Serum_glucose", 18.016)}
    loose = params(max_dirty_share=0.2)
    tables = _tables(tmp_path, loose, variables=units, mortality="outcome")
    found = rows_of(tables, "SELECT value FROM dynamic WHERE code = 'glucose' ORDER BY patient_id")
    assert found == [(180.16,), (139.9843,)]
    assert not rows_of(tables, "SELECT 1 FROM dynamic WHERE code ILIKE 'serum%'")
    told = json.loads((tmp_path / "tables.json").read_text())
    assert told["dropped"]["values"]["implausible"] == 1
    assert rows_of(tables, "SELECT count(*) FROM dynamic WHERE code = 'PH value'") == [(3,)]


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({"sugar": ("PH_value", 1.0)}, "variables.sugar: expected a variable of variables.csv"),
        ({"ph": ("pH", 1.0)}, "variables.ph: expected a code of dynamic, .*found 0 that are pH"),
        (
            {"ph": ("PH_value", 1.0), "inr": ("PH_value", 1.0)},
            "variables: expected each code once, found PH value twice",
        ),
        ({"glucose": ("D-D_dimer", 1.0)}, "variables.glucose: .*found the code glucose"),
        ({}, "dynamic: column value: glucose: expected mg/dL between 10 and 2000, .*median of 6"),
    ],
)
def test_a_variable_that_cannot_be_what_it_is_called_stops(
    study: Path,
    tmp_path: Path,
    params: Callable[..., TablesParams],
    units: dict[str, tuple[str, float]],
    said: str,
) -> None:
    with (study / "dynamic.csv").open("a") as file:
        file.write("1,2020-02-01,glucose,5\n2,2020-02-05,glucose,6\n3,2020-02-05,glucose,7\n")
    with pytest.raises(InputError, match=said):
        _tables(tmp_path, params(), variables=units, mortality="outcome")


@pytest.mark.real
def test_tjh_comes_out_as_it_went_in(
    mirror: Path,
    tmp_path: Path,
    params: Callable[..., TablesParams],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Values of the preset's variables in their units, all else as it is."""
    monkeypatch.setenv("FUSEHR_ONEEHR", str(mirror / "tjh"))
    preset = read_yaml(ROOT / "params.yaml")["presets"]["tjh"]
    start = "raw.oneehr.variables."
    units = {key[len(start) :]: tuple(of) for key, of in preset.items() if key.startswith(start)}
    tables = _tables(tmp_path, params(), ("label_mortality_time",), units)
    export_oneehr(tables, tmp_path / "out", parquet=True)
    keys = ["patient_id", "event_time", "code", "value"]
    before = pd.read_csv(mirror / "tjh/dynamic.csv", parse_dates=["event_time"])
    after = pd.read_parquet(tmp_path / "out/dynamic.parquet")[keys]
    by_code = {code.replace("_", " "): (name, of) for name, (code, of) in units.items()}
    mapped = before["code"].isin(by_code)
    assert before.loc[mapped, "code"].nunique() == len(units) == 18
    new = before["code"].map({code: name for code, (name, _) in by_code.items()})
    factor = before["code"].map({code: of for code, (_, of) in by_code.items()})
    before["value"] = before["value"].where(~mapped, (before["value"] * factor).round(4))
    before["code"] = new.where(mapped, before["code"])
    known = pd.read_csv(ROOT / "src/fusehr/tables/variables.csv").set_index("name")
    low, high = (before["code"].map(known[end]) for end in ("low", "high"))
    kept = ~mapped | before["value"].between(low, high)
    assert 0.9999 < kept.mean() < 1
    ordered = [frame.sort_values(keys, ignore_index=True) for frame in (before[kept], after)]
    pd.testing.assert_frame_equal(*ordered, check_dtype=False, atol=1.01e-4)
    labels = pd.read_csv(mirror / "tjh/label_mortality_time.csv")
    out = pd.read_parquet(tmp_path / "out/label.parquet")
    assert len(out) == len(labels) and out["label_value"].sum() == labels["label_value"].sum()
