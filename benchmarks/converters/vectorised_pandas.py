"""The same events by vectorised pandas: whole columns at a time, no loop over patients or rows.

Only the events (table `dynamic`) are made: no notes, codes, samples or labels. The folds, on whose
train patients the lag of an item is fitted, are given. Columns, types and filters are declared when
a file is read; strings that repeat are categories.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

import fusehr.tables.mimic4

HERE = Path(fusehr.tables.mimic4.__file__).parent
TIME = "%Y-%m-%d %H:%M:%S"
PRESSORS = (221906, 221749, 222315, 221289, 221662)
VENTILATION = 225792
ED = {
    "temperature": "temperature",
    "heartrate": "heart_rate",
    "resprate": "respiratory_rate",
    "o2sat": "spo2",
    "sbp": "sbp",
    "dbp": "dbp",
}
DEFAULT_LAG = pd.Timedelta(minutes=60)
IDS = {"subject_id": "int64", "hadm_id": "Int64", "stay_id": "Int64", "itemid": "int32"}
COLUMNS = ["patient_id", "event_time", "code", "value", "available_time", "availability"]


Engine = Literal["c", "pyarrow"]


def read(raw: Path, name: str, columns: list[str], engine: Engine, **types: str) -> pd.DataFrame:
    """Columns of one file, times parsed."""
    times = [c for c in columns if c.endswith("time")]
    dtype = {c: IDS[c] for c in columns if c in IDS} | types
    frame = pd.read_csv(
        raw / f"{name}.csv.gz",
        usecols=columns,
        dtype=dtype,
        engine=engine,
    )
    for column in times:
        if not pd.api.types.is_datetime64_dtype(frame[column]):
            frame[column] = pd.to_datetime(frame[column], format=TIME)
    return frame


def visits(raw: Path, patients: pd.DataFrame, engine: Engine) -> tuple[pd.DataFrame, pd.DataFrame]:
    """From when to when each visit lasts, and the emergency department's stays."""
    columns = ["subject_id", "hadm_id", "admittime", "dischtime", "deathtime", "edregtime"]
    rows = read(raw, "hosp/admissions", columns, engine)
    rows["dischtime"] = rows[["dischtime", "deathtime"]].max(axis=1)
    rows = rows[
        rows["subject_id"].isin(patients["subject_id"])
        & rows["admittime"].notna()
        & (rows["dischtime"] > rows["admittime"])
    ].sort_values(["subject_id", "admittime", "hadm_id"])
    by_patient = rows.groupby("subject_id")
    last = by_patient["dischtime"].cummax().groupby(rows["subject_id"]).shift()
    begins = last.isna() | (rows["admittime"] >= last + pd.Timedelta(hours=24))
    rows["number"] = begins.groupby(rows["subject_id"]).cumsum()
    rows["visit_id"] = rows.groupby(["subject_id", "number"])["hadm_id"].transform("first")
    rows["start_time"] = rows[["admittime", "edregtime"]].min(axis=1)
    spans = rows.groupby(["subject_id", "visit_id"], as_index=False).agg(
        start_time=("start_time", "min"), end_time=("dischtime", "max")
    )
    columns = ["subject_id", "hadm_id", "stay_id", "intime", "outtime"]
    ed = read(raw, "ed/edstays", columns, engine)
    ed = ed[ed["subject_id"].isin(patients["subject_id"]) & (ed["outtime"] > ed["intime"])]
    ed = ed.merge(rows[["subject_id", "hadm_id", "visit_id"]], how="left")
    first = ed.dropna(subset="visit_id").groupby("visit_id")["intime"].min()
    spans["start_time"] = np.fmin(spans["start_time"], spans["visit_id"].map(first))
    alone = ed[ed["visit_id"].isna()]
    alone = alone[["subject_id", "stay_id", "intime", "outtime"]].set_axis(spans.columns, axis=1)
    return pd.concat([spans, alone], ignore_index=True), ed


def values(
    raw: Path, patients: pd.DataFrame, lags_from: pd.Series, engine: Engine
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Charted and laboratory values, filtered, and the plausible range of each variable."""
    items = pd.read_csv(HERE / "items.csv")
    ranges = pd.read_csv(HERE.parent / "variables.csv").set_index("name")[["low", "high"]]
    items["unit"] = items["unit"].str.lower().fillna("")
    icu = read(raw, "icu/icustays", ["stay_id", "intime", "outtime"], engine)
    found = []
    for source, part in (("chartevents", "icu"), ("labevents", "hosp")):
        own = items[items["source"] == source]
        columns = ["subject_id", "charttime", "storetime", "itemid", "valuenum", "valueuom"]
        types = {"valueuom": "category"}
        if source == "chartevents":
            columns += ["stay_id", "value"]
            types["value"] = "str"
        rows = read(raw, f"{part}/{source}", columns, engine, **types)
        rows = rows[rows["itemid"].isin(own["itemid"])]
        if source == "chartevents":
            refill = rows["itemid"].isin(own.loc[own["variable"] == "capillary_refill", "itemid"])
            text = rows.loc[refill, "value"].str.lower()
            rows.loc[refill, "valuenum"] = np.select(
                [
                    text.str.startswith("normal", na=False),
                    text.str.startswith("abnormal", na=False),
                ],
                [0.0, 1.0],
                np.nan,
            )
            rows = rows.drop(columns="value")
        units = rows["valueuom"].cat
        names = pd.Series(units.categories.str.strip().str.lower())
        rows["unit"] = np.append(names.to_numpy(object), "")[units.codes]
        rows = rows.drop(columns="valueuom").drop_duplicates()
        rows = rows.dropna(subset=["charttime", "valuenum"])
        known = own[["itemid", "unit", "variable", "factor", "offset"]]
        rows = rows.merge(known.astype({"itemid": "int32"}), on=["itemid", "unit"])
        scaled = rows["valuenum"] * rows["factor"] + rows["offset"]
        per_cent = (rows["variable"] == "fio2") & (rows["valuenum"] > 1)
        rows["value"] = scaled.where(~per_cent, rows["valuenum"] / 100).round(4)
        if source == "chartevents":
            rows = rows.merge(icu, on="stay_id")
            day = pd.Timedelta(days=1)
            rows = rows[rows["charttime"].between(rows["intime"] - day, rows["outtime"] + day)]
        rows = rows.merge(patients, on="subject_id")
        possible = (rows["charttime"].dt.year >= rows["birth_year"]) & ~(
            rows["charttime"] > rows["dod"] + pd.Timedelta(days=2)
        )
        low, high = rows["variable"].map(ranges["low"]), rows["variable"].map(ranges["high"])
        rows = rows[possible & rows["value"].between(low, high)]
        lag = (rows["storetime"] - rows["charttime"]).dt.total_seconds().clip(lower=0)
        fitted = rows["subject_id"].map(lags_from).eq("train") & rows["storetime"].notna()
        median = (
            lag[fitted].groupby(rows.loc[fitted, "itemid"]).quantile(0.5, interpolation="lower")
        )
        by_item = pd.to_timedelta(rows["itemid"].map(median), unit="s")
        stored = rows["storetime"].notna()
        rows["available_time"] = (rows["charttime"] + by_item.fillna(DEFAULT_LAG)).where(
            ~stored, rows[["storetime", "charttime"]].max(axis=1)
        )
        rows["availability"] = np.select(
            [stored, by_item.notna()], ["storetime", "item_lag"], "default_lag"
        )
        found.append(
            rows.rename(
                columns={"subject_id": "patient_id", "charttime": "event_time", "variable": "code"}
            )[COLUMNS]
        )
    return pd.concat(found, ignore_index=True), ranges


def emergency(
    raw: Path, ed: pd.DataFrame, ranges: pd.DataFrame, engine: Engine
) -> list[pd.DataFrame]:
    """Vital signs of the emergency department; triage happens on arrival."""
    stays = ed[["stay_id", "subject_id", "intime"]].rename(columns={"subject_id": "patient_id"})
    found = []
    for table in ("triage", "vitalsign"):
        columns = ["stay_id", *ED] + (["charttime"] if table == "vitalsign" else [])
        rows = read(raw, f"ed/{table}", columns, engine).merge(stays, on="stay_id")
        rows["event_time"] = rows["intime"] if table == "triage" else rows["charttime"]
        rows = rows.rename(columns=ED).melt(
            ["patient_id", "event_time"], list(ED.values()), "code", "value"
        )
        rows = rows.drop_duplicates().dropna(subset=["event_time", "value"])
        celsius = rows["code"] == "temperature"
        rows["value"] = rows["value"].where(~celsius, (rows["value"] - 32) / 1.8).round(4)
        low, high = rows["code"].map(ranges["low"]), rows["code"].map(ranges["high"])
        rows = rows[rows["value"].between(low, high)]
        triage = table == "triage"
        rows["available_time"] = rows["event_time"] + (DEFAULT_LAG * (0 if triage else 1))
        rows["availability"] = "event" if triage else "default_lag"
        found.append(rows[COLUMNS])
    return found


def coma_scale(rows: pd.DataFrame) -> pd.DataFrame:
    """The sum of parts charted together."""
    parts = rows[rows["code"].isin(["gcs_eye", "gcs_verbal", "gcs_motor"])]
    keys = ["patient_id", "event_time"]
    total = parts.pivot_table("value", keys, "code", "max").dropna().sum(axis=1).rename("value")
    newest = parts.sort_values(["available_time", "availability"]).groupby(keys).last()
    total = newest[["available_time", "availability"]].join(total, how="inner").reset_index()
    return total.assign(code="gcs_total")[COLUMNS]


def supports(raw: Path, engine: Engine) -> list[pd.DataFrame]:
    """Starts and ends of vasopressors and ventilation; rows that touch are one run."""
    columns = ["subject_id", "starttime", "endtime", "itemid"]
    found = []
    for name, table, chosen in (
        ("vasopressor", "inputevents", PRESSORS),
        ("ventilation", "procedureevents", (VENTILATION,)),
    ):
        rows = read(raw, f"icu/{table}", columns, engine)
        rows = rows[rows["itemid"].isin(chosen) & (rows["endtime"] >= rows["starttime"])]
        rows = rows.sort_values(["subject_id", "starttime", "endtime"])
        last = rows.groupby("subject_id")["endtime"].cummax().groupby(rows["subject_id"]).shift()
        begins = last.isna() | (rows["starttime"] > last)
        run = begins.groupby(rows["subject_id"]).cumsum()
        runs = rows.groupby(["subject_id", run]).agg(
            start=("starttime", "min"), end=("endtime", "max")
        )
        for edge in ("start", "end"):
            times = runs[edge].to_numpy()
            found.append(
                pd.DataFrame(
                    {
                        "patient_id": runs.index.get_level_values(0),
                        "event_time": times,
                        "code": f"{name}/{edge}",
                        "value": 1.0,
                        "available_time": times,
                        "availability": "event",
                    }
                )
            )
    return found


def cultures(raw: Path, patients: pd.DataFrame, engine: Engine) -> list[pd.DataFrame]:
    """Cultures taken, and those in which something grew."""
    columns = ["subject_id", "charttime", "storetime", "org_name"]
    rows = read(raw, "hosp/microbiologyevents", columns, engine, org_name="str")
    rows = rows[rows["subject_id"].isin(patients["subject_id"]) & rows["charttime"].notna()]
    rows = rows.rename(columns={"subject_id": "patient_id", "charttime": "event_time"})
    taken = rows[["patient_id", "event_time"]].drop_duplicates()
    taken = taken.assign(available_time=taken["event_time"], code="culture/taken")
    grown = rows.dropna(subset=["org_name", "storetime"])
    grown = grown.assign(available_time=grown[["storetime", "event_time"]].max(axis=1))
    grown = grown[["patient_id", "event_time", "available_time"]].drop_duplicates()
    grown = grown.assign(code="culture/positive")
    return [
        taken.assign(value=1.0, availability="event")[COLUMNS],
        grown.assign(value=1.0, availability="storetime")[COLUMNS],
    ]


def with_visits(rows: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """Each event with the visit in which it happened, by patient and time."""
    spans = spans.rename(columns={"subject_id": "patient_id"}).sort_values("start_time")
    rows = pd.merge_asof(
        rows.sort_values("event_time"),
        spans,
        left_on="event_time",
        right_on="start_time",
        by="patient_id",
    )
    rows["visit_id"] = rows["visit_id"].where(rows["event_time"] <= rows["end_time"])
    return rows.drop(columns=["start_time", "end_time"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--splits", type=Path, required=True)
    parser.add_argument("--engine", default="c", choices=["c", "pyarrow"])
    given = parser.parse_args()
    columns = ["subject_id", "anchor_age", "anchor_year", "dod"]
    patients = pd.read_csv(given.raw / "hosp/patients.csv.gz", usecols=columns)
    patients["birth_year"] = patients["anchor_year"] - patients["anchor_age"]
    patients["dod"] = pd.to_datetime(patients["dod"])
    patients = patients[["subject_id", "birth_year", "dod"]]
    folds = pd.read_parquet(given.splits).set_index("patient_id")["fold"]
    spans, ed = visits(given.raw, patients, given.engine)
    charted, ranges = values(given.raw, patients, folds, given.engine)
    timed = pd.concat([charted, *emergency(given.raw, ed, ranges, given.engine)], ignore_index=True)
    others = [*supports(given.raw, given.engine), *cultures(given.raw, patients, given.engine)]
    rows = with_visits(pd.concat([timed, coma_scale(timed), *others], ignore_index=True), spans)
    order = ["patient_id", "event_time", "code", "value", "available_time", "visit_id"]
    rows = rows.sort_values(order, ignore_index=True)
    given.out.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(given.out / "dynamic.parquet", compression="zstd", index=False)
    print(f"counted {len(rows)}")


if __name__ == "__main__":
    main()
