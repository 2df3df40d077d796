"""Records of the Challenge 2012 as visits, values and candidates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import Physionet2012Params
from fusehr.raw import manifest, physionet2012
from fusehr.tables.database import HERE
from fusehr.tables.physionet2012.records import read_physionet2012

from ..challenge2012 import record, write_set

START = pd.Timestamp("2012-01-01")
Open = Callable[[Path], duckdb.DuckDBPyConnection]


def opened(raw: Path) -> duckdb.DuckDBPyConnection:
    """A database with the source's relations of the sets in `raw`."""
    entries = physionet2012.write(raw, Physionet2012Params(url="", train=["a"], test=["b"]))
    manifest.write(raw, Manifest("physionet2012", False, tuple(entries)))
    con = duckdb.connect(config={"threads": 1})
    con.execute("CREATE TABLE variables AS FROM read_csv(?)", [str(HERE / "variables.csv")])
    con.execute("SET VARIABLE index_hours = 48; SET VARIABLE min_age = 18")
    read_physionet2012(con, raw)
    return con


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
    folder = tmp_path / "files" / physionet2012.PROJECT
    lines = (
        "00:07,HR,80",
        "00:07,HR,80",
        "00:07,NISysABP,0",
        "00:10,pH,735",
        "00:11,pH,7.35",
        "00:12,FiO2,40",
        "00:13,FiO2,0.4",
        "00:14,Urine,30",
        "00:14,Urine,40",
        "00:15,Temp,-17.8",
        "00:16,Sepsis,1",
        "00:17,HR,",
        "02:00,MechVent,1",
        "05:00,MechVent,1",
        "20:00,MechVent,1",
        "46:00,MechVent,1",
    )
    write_set(
        folder,
        "a",
        {
            "1.txt": record(1, *lines, height=-1),
            "2.txt": record(2, age=16, gender=-1),
            "5.txt": record(5, "01:00,MechVent,1", "02:00,MechVent,0", "03:00,MechVent,1"),
        },
        "1,10,5,6,4,1\n2,5,1,9,-1,0\n5,5,1,-1,1,1\n",
    )
    write_set(folder, "b", {"3.txt": record(3)}, "3,5,1,5,400,0\n")
    monkeypatch.setenv("FUSEHR_MIRROR", str(tmp_path / "files"))
    return opened(tmp_path / "raw")


def test_a_record_is_a_visit_in_the_fold_of_its_set(con):
    visits = con.sql("FROM source_visits ORDER BY visit_id").df()
    assert visits["patient_id"].tolist() == [1, 2, 3, 5]
    assert visits["fold"].tolist() == ["train", "train", "test", "train"]
    assert visits["sex"].tolist() == ["M", "U", "M", "M"]
    assert set(visits["admission_type"]) == {"medical intensive care unit"}
    days = (visits["end_time"] - START).dt.days
    assert days.tolist() == [7, 10, 6, 3]
    died = (visits["death_time"] - START).dt.days
    assert died.fillna(-1).tolist() == [5, -1, -1, 3]  # 3: known to have lived 48 hours


def test_values_are_in_the_variables_units_and_what_is_dropped_has_a_reason(con):
    found = con.sql(
        "SELECT code, value, reason FROM source_values "
        "WHERE patient_id = 1 AND NOT starts_with(code, 'vent') ORDER BY code, reason, value"
    ).df()
    rows = [
        (row.code, row.value, None if pd.isna(row.reason) else row.reason)
        for row in found.itertuples()
    ]
    assert rows == [
        ("fio2", 0.4, None),
        ("fio2", 0.4, None),
        ("heart_rate", 80.0, "duplicate"),
        ("heart_rate", pytest.approx(float("nan"), nan_ok=True), "missing"),
        ("heart_rate", 80.0, None),
        ("height", -1.0, "missing"),
        ("ph", 735.0, "implausible"),
        ("ph", 7.35, None),
        ("sbp", 0.0, "implausible"),
        ("temperature", -17.8, "implausible"),
        ("urine", 30.0, None),
        ("urine", 40.0, None),
        ("weight", 80.0, None),
    ]
    unknown = con.sql("SELECT count(*) FROM source_values WHERE reason = 'unknown_parameter'")
    assert unknown.fetchall() == [(1,)]
    lines = con.sql("SELECT count(*) FROM record_rows").fetchall()
    told = con.sql(
        "SELECT count(*) FROM source_values WHERE code IS NULL OR code <> 'ventilation/end'"
    ).fetchall()
    descriptors = 4 * 4  # a record's number, age, sex and unit are no values
    assert told[0][0] == lines[0][0] - descriptors - 2  # and two lines only end a run


def test_eight_hours_without_ventilation_end_it_and_are_known_afterwards(con):
    acts = con.sql(
        "SELECT patient_id, code, event_time, available_time FROM source_values "
        "WHERE starts_with(code, 'ventilation/') ORDER BY ALL"
    ).df()
    hours = [
        (row.patient_id, row.code, *((t - START) / pd.Timedelta(hours=1) for t in row[3:]))
        for row in acts.itertuples()
    ]
    assert hours == [
        (1, "ventilation/end", 5, 13),
        (1, "ventilation/end", 20, 28),
        # the last one, charted two hours before the record ends, has no end that anybody knows of
        (1, "ventilation/start", 2, 2),
        (1, "ventilation/start", 20, 20),
        (1, "ventilation/start", 46, 46),
        (5, "ventilation/end", 2, 2),
        (5, "ventilation/end", 3, 11),
        (5, "ventilation/start", 1, 1),
        (5, "ventilation/start", 3, 3),
    ]


def test_a_candidate_is_the_stay_at_48_hours_and_its_label_death_in_hospital(con):
    found = con.sql("FROM source_candidates ORDER BY patient_id").df()
    assert found["sample_id"].tolist() == [f"mortality-{i}" for i in (1, 2, 3, 5)]
    assert set(found["index_time"]) == {START + pd.Timedelta(hours=48)}
    assert set(found["window_start"]) == {START}
    assert found["label_value"].tolist() == [1, 0, 0, 1]
    assert found["left_out"].fillna("").tolist() == ["", "under_age", "", ""]


@pytest.mark.real
def test_the_real_sets_keep_nearly_all_values(mirror, tmp_path):
    con = opened(tmp_path / "raw")
    kept = con.sql(
        "SELECT fold, count(*) FROM source_candidates JOIN source_visits USING (patient_id) "
        "WHERE left_out IS NULL GROUP BY fold ORDER BY fold"
    ).fetchall()
    assert kept == [("test", 3992), ("train", 3994)]
    dropped = dict(
        con.sql(
            "SELECT reason, count(*) FROM source_values JOIN source_visits USING (patient_id) "
            "WHERE fold = 'train' AND reason IS NOT NULL GROUP BY reason"
        ).fetchall()
    )
    assert dropped == {"missing": 2220, "implausible": 2424, "no_change": 27119}
