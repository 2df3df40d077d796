"""OneEHR's own MIMIC-IV converter, step by step: a pandas pass per table, CSV out.

Follows `oneehr.data.converters.mimic4` (MedX-PKU/OneEHR, read at commit 4889df5), which is on no
package index: every file is read whole with inferred types, a row counts by its hadm_id (the
admission is the patient), codes are `LAB_<itemid>`, `CHART_<itemid>`, `DX_ICD<version>_<code>`,
`PROC_...` and `RX_<drug>`, values stay as written, and all parts are put together and written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd


def part(rows: pd.DataFrame, time: str, code: pd.Series, value: pd.Series | str) -> pd.DataFrame:
    """Rows in OneEHR's four columns."""
    return pd.DataFrame(
        {
            "patient_id": rows["hadm_id"].astype(int).astype(str),
            "event_time": rows[time],
            "code": code,
            "value": value,
        }
    )


def dated(raw: Path, name: str, time: str) -> pd.DataFrame:
    """A whole file, its time parsed, rows without admission or time left out."""
    rows = pd.read_csv(raw / f"{name}.csv.gz")
    rows[time] = pd.to_datetime(rows[time], errors="coerce")
    return rows.dropna(subset=["hadm_id", time])


def dynamic(raw: Path, admissions: pd.DataFrame) -> pd.DataFrame:
    """All events."""
    parts = []
    for name, prefix in (("hosp/labevents", "LAB_"), ("icu/chartevents", "CHART_")):
        rows = dated(raw, name, "charttime")
        parts.append(part(rows, "charttime", prefix + rows["itemid"].astype(str), rows["value"]))
    for name, prefix in (("hosp/diagnoses_icd", "DX_ICD"), ("hosp/procedures_icd", "PROC_ICD")):
        rows = pd.read_csv(raw / f"{name}.csv.gz").dropna(subset=["hadm_id"])
        rows = rows.merge(admissions[["hadm_id", "admittime"]], on="hadm_id", how="left")
        code = prefix + rows["icd_version"].astype(str) + "_" + rows["icd_code"].astype(str)
        parts.append(part(rows, "admittime", code, "1"))
    rows = dated(raw, "hosp/prescriptions", "starttime")
    parts.append(part(rows, "starttime", "RX_" + rows["drug"].astype(str), "1"))
    return pd.concat(parts, ignore_index=True).dropna(subset=["event_time"])


def labels(admissions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Death, length of stay over three and seven days, readmission within thirty."""
    rows = admissions.sort_values(["subject_id", "admittime"])
    length = (rows["dischtime"] - rows["admittime"]).dt.total_seconds() / 86_400
    following = rows.groupby("subject_id")["admittime"].shift(-1)
    until = (following - rows["dischtime"]).dt.total_seconds() / 86_400
    alive = rows["deathtime"].isna()
    found = {
        "mortality": (~alive).astype(int),
        "los_3day": (length > 3).astype(int),
        "los_7day": (length > 7).astype(int),
        "readmission": (until <= 30).astype(int)[alive],
    }
    return {
        name: pd.DataFrame(
            {
                "patient_id": rows.loc[value.index, "hadm_id"].astype(str),
                "label_time": rows.loc[value.index, "dischtime"],
                "label_code": name,
                "label_value": value,
            }
        ).dropna(subset=["label_time"])
        for name, value in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    admissions = pd.read_csv(given.raw / "hosp/admissions.csv.gz")
    for column in ("admittime", "dischtime", "deathtime", "edregtime"):
        admissions[column] = pd.to_datetime(admissions[column], errors="coerce")
    patients = pd.read_csv(given.raw / "hosp/patients.csv.gz")
    events = dynamic(given.raw, admissions)
    static = admissions.merge(patients, on="subject_id", how="left")
    static = pd.DataFrame(
        {
            "patient_id": static["hadm_id"].astype(str),
            "age": static["anchor_age"],
            "sex": static["gender"],
        }
    )
    given.out.mkdir(parents=True, exist_ok=True)
    events.to_csv(given.out / "dynamic.csv", index=False)
    static.to_csv(given.out / "static.csv", index=False)
    for name, frame in labels(admissions).items():
        frame.to_csv(given.out / f"label_{name}.csv", index=False)
    print(f"counted {len(events)}")


if __name__ == "__main__":
    main()
