"""MIMIC-IV demo: every count in metrics/tables.json, computed a second time with pandas alone.

Written from the definitions in the SQL files' comments, sharing no code with them but the declared
items, ranges and the phenotype of a code.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import validate
from fusehr.core.params.raw import Mimic4DemoParams
from fusehr.raw import manifest, mimic4_demo
from fusehr.tables.convert import convert
from fusehr.tables.phenotypes import phenotype_prefixes, phenotypes_of

pytestmark = pytest.mark.real

SOURCE = Path(__file__).parents[2] / "src/fusehr/tables"
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
UNPLANNED = {"EW EMER.", "DIRECT EMER.", "URGENT", "OBSERVATION ADMIT"}
PRESSORS = [221906, 221749, 222315, 221289, 221662]


@pytest.fixture(scope="module")
def demo(mirror: Path) -> Callable[..., pd.DataFrame]:
    folder = mirror / "mimic-iv-demo/2.2"

    def table(name: str, times: tuple[str, ...] = ()) -> pd.DataFrame:
        return pd.read_csv(folder / f"{name}.csv.gz", parse_dates=list(times), low_memory=False)

    return table


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> tuple[dict[str, Any], Path]:
    """metrics/tables.json of the demo, and the folder of its tables."""
    import yaml

    from fusehr.core.params.tables import TablesParams

    root = tmp_path_factory.mktemp("demo")
    params = yaml.safe_load((SOURCE.parents[2] / "params.yaml").read_text())
    (root / "raw").mkdir()
    chosen = validate(params["raw"]["mimic4_demo"] | {"verify": False}, Mimic4DemoParams, "raw")
    entries = mimic4_demo.write(root / "raw", chosen)
    manifest.write(root / "raw", manifest.Manifest("mimic4_demo", False, tuple(entries)))
    chosen_tables = validate(params["tables"], TablesParams, "tables")
    convert(root / "raw", root / "tables", root / "metrics.json", chosen_tables)
    return read_json(root / "metrics.json"), root / "tables"


@pytest.fixture(scope="module")
def visits(demo: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Admissions, contiguous ones merged: one row an admission, with its visit's times."""
    times = ("admittime", "dischtime", "deathtime", "edregtime")
    frame = demo("hosp/admissions", times).sort_values(["subject_id", "admittime", "hadm_id"])
    frame["dischtime"] = frame[["dischtime", "deathtime"]].max(axis=1)
    numbers: list[int] = []
    for _, group in frame.groupby("subject_id", sort=False):
        last: Any = pd.NaT
        number = 0
        row: Any
        for row in group.itertuples():
            number += bool(pd.isna(last) or row.admittime >= last + 24 * HOUR)
            last = row.dischtime if pd.isna(last) else max(last, row.dischtime)
            numbers.append(number)
    frame["number"] = numbers
    grouped = frame.groupby(["subject_id", "number"])
    frame["visit_id"] = grouped["hadm_id"].transform("first")
    frame["admit"] = grouped["admittime"].transform("min")
    frame["end"] = grouped["dischtime"].transform("max")
    frame["death"] = frame["deathtime"].where(frame["hospital_expire_flag"] == 1)
    frame["death"] = frame.groupby(["subject_id", "number"])["death"].transform("min")
    frame["type"] = grouped["admission_type"].transform("first")
    frame["location"] = grouped["discharge_location"].transform(lambda s: s.iloc[-1])
    return frame


@pytest.fixture(scope="module")
def stays(demo: Callable[..., pd.DataFrame], visits: pd.DataFrame) -> pd.DataFrame:
    """ICU stays, bed moves merged, one row a stay; those begun before admission left out."""
    frame = demo("icu/icustays", ("intime", "outtime"))
    frame = frame.merge(visits[["hadm_id", "visit_id", "admittime", "death"]], on="hadm_id")
    frame = frame[frame["intime"] >= frame["admittime"]]
    merged: list[dict[str, Any]] = []
    row: Any
    for (patient, visit), group in frame.sort_values("intime").groupby(["subject_id", "visit_id"]):
        for row in group.itertuples():
            previous = merged[-1] if merged and merged[-1]["visit_id"] == visit else None
            if previous and row.intime <= previous["outtime"] + 6 * HOUR:
                previous["outtime"] = max(previous["outtime"], row.outtime)
            else:
                merged.append(
                    {
                        "patient": patient,
                        "visit_id": visit,
                        "intime": row.intime,
                        "outtime": row.outtime,
                        "death": row.death,
                    }
                )
    joined = pd.DataFrame(merged)
    joined["outtime"] = joined[["outtime", "death"]].min(axis=1)
    return joined


def _folds(tables: Path) -> pd.Series:
    splits = pd.read_parquet(tables / "splits.parquet")
    return splits.set_index("patient_id")["fold"]


def _by_fold(tables: Path, patients: Any, positive: Any) -> dict[str, Any]:
    frame = pd.DataFrame({"patient": patients, "positive": positive.astype(int)})
    frame["fold"] = frame["patient"].map(_folds(tables))
    return {
        str(fold): {
            "samples": len(part),
            "patients": part["patient"].nunique(),
            "positive": int(part["positive"].sum()),
            "prevalence": round(float(part["positive"].mean()), 4),
        }
        for fold, part in frame.groupby("fold")
    }


def test_source_counts(found: tuple[dict[str, Any], Path]) -> None:
    assert found[0]["source"] == {
        "patients": 100,
        "admissions": 275,
        "icu_stays": 140,
        "ed_stays": 0,
    }


def test_visits_and_stays(
    found: tuple[dict[str, Any], Path], visits: pd.DataFrame, stays: pd.DataFrame
) -> None:
    kept = found[0]["kept"]
    assert kept["visits"] == visits["visit_id"].nunique()
    assert kept["icu_stays"] == len(stays)
    assert (kept["ed_stays"], kept["notes"], kept["images"]) == (0, 0, 0)
    assert found[0]["dropped"]["icu/icustays"] == {"begins_before_admission": 2}


def test_prescriptions_that_end_before_they_start(
    found: tuple[dict[str, Any], Path], demo: Callable[..., pd.DataFrame]
) -> None:
    frame = demo("hosp/prescriptions", ("starttime", "stoptime"))
    backwards = int((frame["stoptime"] < frame["starttime"]).sum())
    assert backwards == 753
    assert found[0]["dropped"]["hosp/prescriptions"] == {"end_before_start": backwards}
    assert found[0]["rows"]["hosp/prescriptions"] == {
        "read": len(frame),
        "kept": len(frame) - backwards,
    }


def _values(demo: Callable[..., pd.DataFrame], table: str) -> tuple[dict[str, int], pd.DataFrame]:
    """Counts by reason, and the values kept, of the declared items of one table."""
    items = pd.read_csv(SOURCE / "mimic4/items.csv", keep_default_na=False)
    items = items[items["source"] == table.split("/")[1]]
    ranges = pd.read_csv(SOURCE / "variables.csv").set_index("name")
    frame = demo(table, ("charttime", "storetime"))
    frame = frame[frame["itemid"].isin(items["itemid"])].copy()
    names = items.drop_duplicates("itemid").set_index("itemid")["variable"]
    frame["variable"] = frame["itemid"].map(names)
    frame["unit"] = frame["valueuom"].fillna("").str.strip()
    counts = {"read": len(frame)}
    key = ["subject_id", "itemid", "charttime", "storetime", "valuenum", "unit"]
    key += ["stay_id"] if "stay_id" in frame else []
    distinct = frame.drop_duplicates(key)
    counts["duplicate"] = len(frame) - len(distinct)
    numeric = distinct[distinct["valuenum"].notna()]
    counts["no_value"] = len(distinct) - len(numeric)
    rates = items.set_index(["itemid", "unit"])[["factor", "offset"]]
    joined = numeric.join(rates, on=["itemid", "unit"])
    assert joined["factor"].notna().all()
    value = joined["valuenum"] * joined["factor"] + joined["offset"]
    percent = (joined["variable"] == "fio2") & (joined["valuenum"] > 1)
    value = value.where(~percent, joined["valuenum"] / 100).round(4)
    low: Any = joined["variable"].map(ranges["low"])
    high: Any = joined["variable"].map(ranges["high"])
    plausible = value.between(low, high)
    counts["implausible"] = int((~plausible).sum())
    kept = joined[plausible].assign(value=value[plausible])
    counts["kept"] = len(kept)
    return counts, kept


@pytest.mark.parametrize("table", ["icu/chartevents", "hosp/labevents"])
def test_values_by_reason(
    found: tuple[dict[str, Any], Path], demo: Callable[..., pd.DataFrame], table: str
) -> None:
    counts, _ = _values(demo, table)
    rows, dropped = found[0]["rows"][table], found[0]["dropped"][table]
    assert rows == {"read": counts["read"], "kept": counts["kept"]}
    for reason in ("duplicate", "no_value", "implausible"):
        assert dropped.get(reason, 0) == counts[reason], reason
    assert sum(dropped.values()) == counts["read"] - counts["kept"]


def test_events_and_where_their_time_comes_from(
    found: tuple[dict[str, Any], Path], demo: Callable[..., pd.DataFrame]
) -> None:
    chart, lab = _values(demo, "icu/chartevents")[1], _values(demo, "hosp/labevents")[1]
    coma = chart[chart["variable"].isin(["gcs_eye", "gcs_verbal", "gcs_motor"])]
    parts = coma.groupby(["subject_id", "charttime"])["variable"].nunique()
    totals = int((parts == 3).sum())
    cultures = demo("hosp/microbiologyevents", ("charttime", "storetime"))
    timed = cultures[cultures["charttime"].notna()]
    taken = len(timed.drop_duplicates(["subject_id", "charttime"]))
    grown = timed[timed["org_name"].notna() & timed["storetime"].notna()]
    grown = len(grown.drop_duplicates(["subject_id", "charttime", "storetime"]))
    runs = sum(len(group) for group in _runs(demo).values())
    assert found[0]["availability"] == {
        "default_lag": len(chart) + totals,  # this copy of chartevents has no storetime
        "event": taken + 2 * runs,
        "storetime": len(lab) + grown,
    }
    assert found[0]["kept"]["events"] == sum(found[0]["availability"].values())


def _runs(demo: Callable[..., pd.DataFrame]) -> dict[tuple[int, str], list[list[pd.Timestamp]]]:
    """Runs of each support by patient: rows that touch or overlap are one."""
    times = ("starttime", "endtime")
    pressors = demo("icu/inputevents", times)
    pressors = pressors[pressors["itemid"].isin(PRESSORS)].assign(support="vasopressor")
    vents = demo("icu/procedureevents", times)
    vents = vents[vents["itemid"] == 225792].assign(support="ventilation")
    columns = ["subject_id", "support", "starttime", "endtime"]
    rows = pd.concat([pressors[columns], vents[columns]])
    runs: dict[tuple[int, str], list[list[pd.Timestamp]]] = {}
    row: Any
    for row in rows.sort_values(["starttime", "endtime"]).itertuples():
        key = runs.setdefault((int(row.subject_id), str(row.support)), [])
        if key and row.starttime <= max(end for _, end in key):
            key[-1][1] = max(key[-1][1], row.endtime)
        else:
            key.append([row.starttime, row.endtime])
    return runs


def test_mortality(
    found: tuple[dict[str, Any], Path], demo: Callable[..., pd.DataFrame], stays: pd.DataFrame
) -> None:
    index = stays["intime"] + 48 * HOUR
    kept = stays[(stays["outtime"] >= index) & ~(stays["death"] <= index)]
    folds = _by_fold(found[1], kept["patient"], kept["death"].notna())
    assert found[0]["tasks"]["mortality"] == {
        "samples": len(kept),
        "patients": kept["patient"].nunique(),
        "folds": folds,
    }
    assert sum(fold["positive"] for fold in folds.values()) == 12


def test_readmission(found: tuple[dict[str, Any], Path], visits: pd.DataFrame) -> None:
    frame = visits.drop_duplicates("visit_id").sort_values(["subject_id", "admit"])
    following = frame.groupby("subject_id").shift(-1)
    positive = (following["admit"] <= frame["end"] + 30 * DAY) & following["type"].isin(UNPLANNED)
    left_out = frame["death"].notna() | frame["location"].isin(["HOSPICE", "ACUTE HOSPITAL"])
    kept, positive = frame[~left_out], positive[~left_out]
    assert found[0]["tasks"]["readmission"] == {
        "samples": len(kept),
        "patients": kept["subject_id"].nunique(),
        "folds": _by_fold(found[1], kept["subject_id"], positive),
    }


def test_deterioration(
    found: tuple[dict[str, Any], Path], demo: Callable[..., pd.DataFrame], stays: pd.DataFrame
) -> None:
    runs = _runs(demo)
    patients, labels = [], []
    stay: Any
    for stay in stays.itertuples():
        both = [runs.get((stay.patient, name), []) for name in ("vasopressor", "ventilation")]
        starts = []
        for part in both:
            ended: Any = pd.Timestamp.min
            for start, end in part:
                if start >= ended + 6 * HOUR if ended > pd.Timestamp.min else True:
                    starts.append(start)
                ended = max(ended, end)
        index = stay.intime + 24 * HOUR
        while index < stay.outtime:
            running = [any(s <= index < e for s, e in part) for part in both]
            if not all(running):
                horizon = index + 24 * HOUR
                event = any(index < start <= horizon for start in starts)
                event |= bool(pd.notna(stay.death) and index < stay.death <= horizon)
                patients.append(stay.patient)
                labels.append(event)
            index += 12 * HOUR
    folds = _by_fold(found[1], pd.Series(patients), pd.Series(labels))
    assert found[0]["tasks"]["deterioration"] == {
        "samples": len(patients),
        "patients": len(set(patients)),
        "folds": folds,
    }


def test_next_diagnoses(
    found: tuple[dict[str, Any], Path], demo: Callable[..., pd.DataFrame], visits: pd.DataFrame
) -> None:
    codes = demo("hosp/diagnoses_icd").merge(visits[["hadm_id", "visit_id"]], on="hadm_id")
    by_visit = {
        visit: set().union(
            *(
                phenotypes_of(str(code).strip(), int(version))
                for code, version in zip(group["icd_code"], group["icd_version"], strict=True)
            )
        )
        for visit, group in codes.groupby("visit_id")
    }
    frame = visits.drop_duplicates("visit_id").sort_values(["subject_id", "admit"])
    following = frame.groupby("subject_id")["visit_id"].shift(-1)
    pairs = frame[following.notna() & following.isin(by_visit)]
    names = sorted(set(phenotype_prefixes()["phenotype"]))
    task = found[0]["tasks"]["next_diagnoses"]
    assert (task["samples"], task["patients"]) == (len(pairs), pairs["subject_id"].nunique())
    fold = pairs["subject_id"].map(_folds(found[1]))
    for name, part in task["folds"].items():
        inside = pairs[fold == name]
        found_sets = [by_visit[int(following[i])] for i in inside.index]
        assert part["samples"] == len(inside)
        assert part["patients"] == inside["subject_id"].nunique()
        assert part["prevalence"] == {
            phenotype: round(float(np.mean([phenotype in s for s in found_sets])), 4)
            for phenotype in names
        }


def test_triage_has_no_samples(found: tuple[dict[str, Any], Path]) -> None:
    assert found[0]["tasks"]["triage"] == {"samples": 0, "patients": 0, "folds": {}}
