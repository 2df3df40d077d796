"""Small parameters of the table of defects, and a hospital small enough for a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.params import validate
from fusehr.core.frame.schemas import DYNAMIC, LABEL, NOTES, SAMPLES, TABLES, VISITS, Table
from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.estimate import Estimator

ROOT = Path(__file__).resolve().parents[3]
START = np.datetime64("2150-01-01T00:00:00", "us")
HOUR = np.timedelta64(3600, "s")
STAY_HOURS = 60
PHENOTYPES = ("copd", "pneumonia", "shock")

SMALL: dict[str, Any] = {
    "bootstrap_draws": 200,
    "row_split": {
        "most_patients": 160,
        "fitted_share": 0.25,
        "first_hours": 24,
        "window_hours": 12,
        "d_model": 16,
        "layers": 1,
        "hidden": [],
        "dropout": 0.0,
        "learning_rate": 0.02,
        "enough_loss": 0.02,
    },
    "fusion": {"samples": 6, "tokens": 3, "d_model": 16, "heads": 2},
}


@pytest.fixture
def block() -> dict[str, Any]:
    """Block `defects` of params.yaml, made small."""
    usual = yaml.safe_load((ROOT / "params.yaml").read_text())["defects"]
    return {
        name: {**value, **SMALL.get(name, {})}
        if isinstance(value, dict)
        else SMALL.get(name, value)
        for name, value in usual.items()
    }


@pytest.fixture
def params(block: dict[str, Any]) -> DefectsParams:
    return validate(block, DefectsParams, "defects")


@pytest.fixture
def estimator(params: DefectsParams) -> Estimator:
    return Estimator(params.bootstrap_draws, params.seed, params.min_patients)


def covers_chance(row: Any) -> bool:
    """The interval holds 0.5, and is narrow enough to say something."""
    return row.low <= 0.5 <= row.high and row.high - row.low < 0.4


@pytest.fixture(name="covers_chance")
def covers_chance_fixture() -> Callable[[Any], bool]:
    return covers_chance


def write_hospital(folder: Path, *, patients: int, notes: bool) -> Path:
    """Tables with two visits a patient, an ICU stay in the first; outcomes drawn by chance.

    In every fourth first visit the patient dies and has no second one.
    """
    rng = np.random.default_rng(4)
    visits = _visits(rng, patients)
    first = visits[visits["visit_id"] % 10 == 0].reset_index(drop=True)
    followed = first[first["death_time"].isna()].reset_index(drop=True)
    samples = pd.concat(
        [
            _samples("mortality", first, first["admit_time"] + 48 * HOUR),
            _samples("readmission", followed, followed["discharge_time"]),
            _samples("next_diagnoses", followed, followed["discharge_time"]),
        ],
        ignore_index=True,
    )
    frames: dict[Table, pd.DataFrame] = {
        VISITS: visits,
        SAMPLES: samples,
        LABEL: _labels(rng, samples, visits),
        DYNAMIC: _vitals(rng, first),
    }
    if notes:
        frames[NOTES] = _notes(rng, first)
    return write_tables(folder, frames)


def write_tables(folder: Path, frames: Mapping[Table, pd.DataFrame]) -> Path:
    """All tables, empty but for `frames`."""
    for schema in TABLES:
        empty = pd.DataFrame(columns=[column.name for column in schema.columns])
        write_parquet(folder / f"{schema.name}.parquet", frames.get(schema, empty), schema)
    return folder


@pytest.fixture
def empty_tables(tmp_path: Path) -> Path:
    """Tables of a source with nobody in it."""
    return write_tables(tmp_path / "empty", {})


@pytest.fixture(name="write_hospital")
def write_hospital_fixture() -> Callable[..., Path]:
    return write_hospital


def _visits(rng: np.random.Generator, patients: int) -> pd.DataFrame:
    rows = []
    for patient in range(1000, 1000 + patients):
        dies = patient % 4 == 0
        for number in range(1 if dies else 2):
            admit = START + (number * 1000 + patient) * HOUR
            end = admit + STAY_HOURS * HOUR
            phenotypes = [name for name in PHENOTYPES if rng.random() < 0.5]
            rows.append(
                {
                    "patient_id": patient,
                    "visit_id": patient * 10 + number,
                    "admit_time": admit,
                    "discharge_time": end,
                    "death_time": end if dies else pd.NaT,
                    "admission_type": "URGENT",
                    "discharge_location": None,
                    "diagnoses": [*(f"ICD10CM/{name.upper()}" for name in phenotypes), "ICD10CM/Z"],
                    "phenotypes": phenotypes,
                    "procedures": [],
                    "drugs": [],
                    "codes_available_time": end + 96 * HOUR,
                }
            )
    return pd.DataFrame(rows)


def _samples(task: str, visits: pd.DataFrame, index: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": task + "-" + visits["visit_id"].astype(str),
            "patient_id": visits["patient_id"],
            "task": task,
            "index_time": index,
            "visit_id": visits["visit_id"],
            "stay_id": None,
            "window_start": visits["admit_time"],
            "history_start": visits["admit_time"],
            "codes_through": index,
            "train_use": True,
        }
    )


def _labels(rng: np.random.Generator, samples: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    dead = visits.set_index("visit_id")["death_time"].notna()
    coded = visits.set_index("visit_id")["phenotypes"]
    rows = []
    for sample in samples.to_dict("records"):
        task, visit = sample["task"], sample["visit_id"]
        classes = {"positive": bool(rng.random() < 0.5)}
        if task == "mortality":
            classes = {"positive": bool(dead[visit])}
        if task == "next_diagnoses":
            classes = {name: name in coded[visit + 1] for name in PHENOTYPES}
        rows += [
            {
                "patient_id": sample["patient_id"],
                "label_time": sample["index_time"],
                "label_code": f"{task}/{name}",
                "label_value": float(value),
                "visit_id": visit,
                "sample_id": sample["sample_id"],
                "task": task,
                "class": name,
                "new_onset": True if task == "next_diagnoses" else None,
            }
            for name, value in classes.items()
        ]
    return pd.DataFrame(rows)


def _vitals(rng: np.random.Generator, visits: pd.DataFrame) -> pd.DataFrame:
    """Heart rate and blood pressure every hour, walking at random around what a patient has."""
    parts = []
    for code, level in (("heart_rate", 80.0), ("sbp", 120.0)):
        for visit in visits.to_dict("records"):
            steps = rng.normal(scale=3.0, size=STAY_HOURS).cumsum()
            times = np.datetime64(visit["admit_time"], "us") + np.arange(STAY_HOURS) * HOUR
            parts.append(
                pd.DataFrame(
                    {
                        "patient_id": visit["patient_id"],
                        "event_time": times,
                        "code": code,
                        "value": level + rng.normal(scale=15.0) + steps,
                        "visit_id": visit["visit_id"],
                        "available_time": times,
                        "availability": "event",
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _notes(rng: np.random.Generator, visits: pd.DataFrame) -> pd.DataFrame:
    """One before the index, and one after it that says how the stay ended."""
    rows = []
    for visit in visits.to_dict("records"):
        ended = "recovered" if visit["death_time"] is pd.NaT else "died"
        told = " ".join(rng.choice(["cough", "pain", "fever", "calm"], size=3))
        for hour, text in ((2, told), (55, ended)):
            time = np.datetime64(visit["admit_time"], "us") + hour * HOUR
            rows.append(
                {
                    "patient_id": visit["patient_id"],
                    "event_time": time,
                    "code": "nursing",
                    "text": text,
                    "visit_id": visit["visit_id"],
                    "available_time": time,
                    "note_id": f"{visit['visit_id']}-{hour}",
                    "text_sha256": f"{visit['visit_id']}-{hour}",
                }
            )
    return pd.DataFrame(rows)
