"""Small tables with planted signal, and a way to train a recipe on them.

Each patient has a severity, read in heart rate and blood pressure; a kidney value, read in
creatinine; an urgency, read in the respiratory rate; and phenotypes that persist. Mortality and
deterioration follow severity, next_diagnoses the phenotypes, triage urgency, readmission nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pytest
import yaml

from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.schemas import (
    DYNAMIC,
    LABEL,
    SAMPLES,
    SPLITS,
    STATIC,
    TABLES,
    TRUTH,
    VISITS,
    Table,
)
from fusehr.train.engine.registry import load_job
from fusehr.train.engine.run import train

ROOT = Path(__file__).resolve().parents[2]
START = np.datetime64("2150-01-01T00:00:00", "us")
HOUR = np.timedelta64(3600, "s")
PHENOTYPES = ("Arrhythmia", "Heart failure", "Pneumonia", "Renal failure", "Shock")
TRIAGE = np.array(["high", "medium", "low"])
STAY_HOURS = 60
DAYS_BETWEEN = 200


@dataclass(frozen=True)
class World:
    """What the tables are made from; one row a patient."""

    patients: np.ndarray
    severity: np.ndarray
    kidney: np.ndarray
    urgency: np.ndarray
    tendency: np.ndarray  # (patients, phenotypes), probability of each phenotype at any visit
    rng: np.random.Generator


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def write_tables(folder: Path, *, patients: int = 200, seed: int = 3, cv: bool = False) -> Path:
    """All tables of `core.schemas`, two visits a patient."""
    rng = np.random.default_rng(seed)
    world = World(
        patients=np.arange(patients) + 1000,
        severity=rng.normal(size=patients),
        kidney=rng.normal(size=patients),
        urgency=rng.normal(size=patients),
        tendency=rng.choice([0.05, 0.9], size=(patients, len(PHENOTYPES)), p=[0.6, 0.4]),
        rng=rng,
    )
    visits = _visits(world)
    samples, label, truth = _samples(world, visits)
    frames: dict[Table, pd.DataFrame] = {
        STATIC: _static(world, visits),
        DYNAMIC: _dynamic(world, visits),
        VISITS: visits,
        SAMPLES: samples,
        LABEL: label,
        TRUTH: truth,
        SPLITS: _splits(world, cv=cv),
    }
    for schema in TABLES:
        empty = pd.DataFrame(columns=[column.name for column in schema.columns])
        write_parquet(folder / f"{schema.name}.parquet", frames.get(schema, empty), schema)
    return folder


def _visits(world: World) -> pd.DataFrame:
    """Visit 0 and 1 of each patient; a phenotype is coded with the patient's own tendency."""
    n = len(world.patients)
    parts = []
    for number in (0, 1):
        admit = START + np.arange(n) * HOUR + number * DAYS_BETWEEN * 24 * HOUR
        coded = world.rng.random((n, len(PHENOTYPES))) < world.tendency
        # one phenotype is never coded again: a label with one class
        coded[:, -1] &= number == 0
        codes = [[name for name, has in zip(PHENOTYPES, row, strict=True) if has] for row in coded]
        parts.append(
            pd.DataFrame(
                {
                    "patient_id": world.patients,
                    "visit_id": world.patients * 10 + number,
                    "admit_time": admit,
                    "discharge_time": admit + STAY_HOURS * HOUR,
                    "death_time": pd.NaT,
                    "admission_type": "EW EMER.",
                    "discharge_location": None,
                    "diagnoses": [[f"ICD10CM/{name[:3].upper()}" for name in row] for row in codes],
                    "phenotypes": codes,
                    "procedures": [[] for _ in codes],
                    "drugs": [[] for _ in codes],
                    "codes_available_time": admit + (STAY_HOURS + 96) * HOUR,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _static(world: World, visits: pd.DataFrame) -> pd.DataFrame:
    n = len(visits)
    return pd.DataFrame(
        {
            "patient_id": visits["patient_id"],
            "age": world.rng.integers(20, 90, size=n).astype(float),
            "sex": world.rng.choice(["F", "M"], size=n),
            "visit_id": visits["visit_id"],
            "admission_type": None,
            "admission_location": None,
            "available_time": visits["admit_time"],
        }
    )


def _dynamic(world: World, visits: pd.DataFrame) -> pd.DataFrame:
    """Vitals every second hour, a tenth of them missing; creatinine every twelfth; supports."""
    person = visits["patient_id"].to_numpy() - world.patients[0]
    severity, kidney, urgency = world.severity, world.kidney, world.urgency
    vitals = {
        "heart_rate": 85 + 12 * severity,
        "sbp": 120 - 10 * severity,
        "dbp": 70 - 4 * severity,
        "respiratory_rate": 18 + 5 * urgency,
        "spo2": 96 + 0 * severity,
        "temperature": 37 + 0 * severity,
    }
    noise = {"temperature": 0.4, "spo2": 1.0}
    parts = [
        _charted(world, visits, name, level[person], range(0, STAY_HOURS, 2), noise.get(name, 5.0))
        for name, level in vitals.items()
    ]
    creatinine = np.exp(0.5 * kidney)[person]
    parts.append(_charted(world, visits, "creatinine", creatinine, range(1, STAY_HOURS, 12), 0.05))
    pressed = visits[severity[person] > 0.5]
    for code, hours in (("vasopressor/start", [10]), ("vasopressor/end", [40])):
        parts.append(_charted(world, pressed, code, np.ones(len(pressed)), hours, 0.0))
    return pd.concat(parts, ignore_index=True)


def _charted(
    world: World,
    visits: pd.DataFrame,
    code: str,
    level: np.ndarray,
    hours: Any,
    noise: float,
) -> pd.DataFrame:
    steps = np.array(list(hours))
    size = (len(visits), len(steps))
    kept = (world.rng.random(size) > 0.1).ravel() if noise else np.ones(np.prod(size), dtype=bool)
    values = (level[:, None] + noise * world.rng.normal(size=size)).ravel()
    admitted = visits["admit_time"].to_numpy()
    event_time = (admitted[:, None] + steps * HOUR).ravel()
    return pd.DataFrame(
        {
            "patient_id": np.repeat(visits["patient_id"].to_numpy(), len(steps)),
            "event_time": event_time,
            "code": code,
            "value": np.round(values, 2),
            "visit_id": np.repeat(visits["visit_id"].to_numpy(), len(steps)),
            "available_time": event_time + HOUR // 12,
            "availability": "storetime",
        }
    )[kept]


def _samples(world: World, visits: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    first = visits.iloc[: len(world.patients)]
    second = visits.iloc[len(world.patients) :]
    severity, rng = world.severity, world.rng
    tasks = [
        _binary("mortality", first, 48, sigmoid(2.5 * severity - 1), rng),
        _binary("readmission", first, STAY_HOURS, np.full(len(first), 0.3), rng),
        *(
            _binary("deterioration", first, hours, sigmoid(2.0 * severity - 1), rng)
            for hours in (24, 36, 48)
        ),
        _phenotypes(world, first, second),
        _triage(world, first),
    ]
    samples, label, truth = (
        pd.concat(part, ignore_index=True) for part in zip(*tasks, strict=True)
    )
    late = samples["sample_id"].str.endswith("-48") & (samples["task"] == "deterioration")
    return samples.assign(train_use=~late), label, truth


def _sample_frame(task: str, visits: pd.DataFrame, hours: int) -> pd.DataFrame:
    index_time = visits["admit_time"] + hours * HOUR
    known = visits["codes_available_time"] if task == "next_diagnoses" else index_time
    return pd.DataFrame(
        {
            "sample_id": [f"{task}-{visit}-{hours}" for visit in visits["visit_id"]],
            "patient_id": visits["patient_id"],
            "task": task,
            "index_time": index_time,
            "visit_id": visits["visit_id"],
            "stay_id": visits["visit_id"],
            "window_start": visits["admit_time"],
            "history_start": visits["admit_time"],
            "codes_through": known,
        }
    )


def _labelled(
    samples: pd.DataFrame, classes: tuple[str, ...], labels: np.ndarray, p: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """labels and p (samples, classes), to label and truth in long form."""
    task = samples["task"].iloc[0]
    long = samples.loc[samples.index.repeat(len(classes))].reset_index(drop=True)
    long["class"] = np.tile(np.array(classes, dtype=object), len(samples))
    long["label_time"] = long["index_time"]
    long["label_code"] = task if classes == ("positive",) else task + "/" + long["class"]
    long["label_value"] = labels.astype(float).ravel()
    long["new_onset"] = False if task == "next_diagnoses" else None
    long["oracle"] = long["attainable"] = p.ravel()
    long = long.assign(notes=0.0, image=0.0, graph=0.0)
    return samples, long[[c.name for c in LABEL.columns]], long[[c.name for c in TRUTH.columns]]


def _binary(
    task: str, visits: pd.DataFrame, hours: int, p: np.ndarray, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    labels = rng.random(len(p)) < p
    return _labelled(_sample_frame(task, visits, hours), ("positive",), labels[:, None], p)


def _phenotypes(
    world: World, first: pd.DataFrame, second: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    labels = np.array([[name in row for name in PHENOTYPES] for row in second["phenotypes"]])
    p = world.tendency.copy()
    p[:, -1] = 0
    return _labelled(_sample_frame("next_diagnoses", first, STAY_HOURS), PHENOTYPES, labels, p)


def _triage(world: World, visits: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Exclusive classes, and beside them an outcome that is no class."""
    high, low = sigmoid(3 * world.urgency - 1.5), sigmoid(-3 * world.urgency - 1.5)
    p = np.stack([high, 1 - high - low, low], axis=1)  # (patients, 3)
    drawn = (world.rng.random(len(p))[:, None] > p.cumsum(axis=1)[:, :2]).sum(axis=1)
    labels = np.eye(3)[drawn]
    sick = world.rng.random((len(p), 1)) < 0.1
    samples = _sample_frame("triage", visits, 1)
    classes = (*TRIAGE.tolist(), "outcome/icu_or_death_24h")
    return _labelled(
        samples, classes, np.concatenate([labels, sick], axis=1), np.concatenate([p, sick], axis=1)
    )


def _splits(world: World, *, cv: bool) -> pd.DataFrame:
    names = [f"cv{k}" for k in range(5)] if cv else ["train"] * 3 + ["val"] + ["test"]
    order = np.random.default_rng(5).permutation(len(world.patients))
    return pd.DataFrame({"patient_id": world.patients, "fold": np.array(names)[order % len(names)]})


# Small enough to train in seconds; one thread, as the other tests use the machine too.
SMALL: dict[str, Any] = {
    "train.threads": 1,
    "train.seeds": [1],
    "train.explained.samples": 0,
    "model.d_model": 16,
    "model.batch_size": 64,
    "model.epochs": 12,
    "model.dtype": "float32",
    "model.learning_rate": 0.01,
    "model.series_hours.mortality": 24,
    "recipes.lstm_vitals.hidden": [16],
    "recipes.triage_fusion.image_encoder": "resnet",
    "recipes.triage_fusion.resnet.embedding_size": 4,
    "recipes.triage_fusion.resnet.widths": [4, 8],
    "recipes.triage_fusion.resnet.depths": [1, 1],
    "recipes.triage_fusion.batch_size": 32,
    "recipes.triage_fusion.epochs": 8,
    "recipes.fusehr.network.members": 1,
    "recipes.fusehr.network.epochs": 12,
    "recipes.fusehr.boosting.max_iter": 40,
    "recipes.fusehr.boosting.min_samples_leaf": 10,
}
for _name in ("gbm", "gbm_facts", "gbm_all"):
    SMALL |= {f"recipes.{_name}.max_iter": 40, f"recipes.{_name}.min_samples_leaf": 10}


def write_project(root: Path, changes: dict[str, Any]) -> None:
    """params.yaml with `changes` (dotted paths) and dvc.yaml, in `root`."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for path, value in {**SMALL, **changes}.items():
        *parents, last = path.split(".")
        node = params
        for key in parents:
            node = node[key]
        assert last in node, path
        node[last] = value
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    (root / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())


class Train(Protocol):
    """Train a recipe on tables, in this process; returns the folder that it filled."""

    def __call__(self, recipe: str, tables: Path, **changes: Any) -> Path: ...


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Trains; `changes` are parameters, with dots written as double underscores."""

    def run(recipe: str, tables: Path, **changes: Any) -> Path:
        root = tmp_path_factory.mktemp(recipe)
        write_project(root, {name.replace("__", "."): value for name, value in changes.items()})
        folder = root / "out"
        folder.mkdir()
        job = load_job(recipe, stage_params(f"train@{recipe}", root))
        train(job, tables=tables, folder=folder, live=root / "live")
        return folder

    return run


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of 300 patients with a plain split; not to be changed."""
    return write_tables(tmp_path_factory.mktemp("tables"), patients=300)


@pytest.fixture(scope="session")
def once(trained: Train, tables: Path) -> Callable[[str], Path]:
    """A recipe trained on `tables`, at most once in a session; its folder is not to be changed."""
    folders: dict[str, Path] = {}

    def folder(recipe: str) -> Path:
        if recipe not in folders:
            folders[recipe] = trained(recipe, tables)
        return folders[recipe]

    return folder


def rewrite(source: Path, target: Path, **frames: pd.DataFrame) -> Path:
    """A copy of the tables in `source`, but with the named tables' content replaced."""
    for schema in TABLES:
        path = target / f"{schema.name}.parquet"
        if schema.name in frames:
            write_parquet(path, frames[schema.name], schema)
        else:
            shutil.copyfile(source / path.name, path)
    return target


@pytest.fixture(scope="session")
def make_tables() -> Callable[..., Path]:
    """`write_tables`, for tests that need tables of their own."""
    return write_tables


@pytest.fixture(scope="session")
def altered() -> Callable[..., Path]:
    """`rewrite`, for tests that change a table."""
    return rewrite


@pytest.fixture(scope="session")
def project() -> Callable[[Path, dict[str, Any]], None]:
    """`write_project`, for tests of parameters and of the stage script."""
    return write_project
