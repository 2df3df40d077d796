"""Fake predictions of any size: one world of patients, seen by recipes of different strength."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusehr.core.calibration import expit
from fusehr.core.frame.files import write_json, write_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.frame.tasks import TASKS, TRIAGE_CLASSES
from fusehr.core.params.evaluate import EvaluateParams, NonInferior, SubgroupParams
from fusehr.evaluate.report import report
from fusehr.evaluate.scoring.score_recipe import score_recipe

FIRST_PATIENT = 71_000_000
RATES = {"mortality": -2.2, "readmission": -1.7, "deterioration": -2.9}

# Test samples a task and patients; small enough for a test to take seconds.
SMALL = {"mortality": 120, "readmission": 150, "deterioration": 400, "next_diagnoses": 130}
SMALL_SIZES = SMALL | {"triage": 140, "patients": 120, "labels": 6}


def make_params(**changes: object) -> EvaluateParams:
    """Parameters as in params.yaml, with few draws unless `changes` says otherwise."""
    usual: dict[str, object] = {
        "reference": "gbm",
        "noninferior": NonInferior(against="gbm", margin=0.01),
        "unimodal": {},
        "bootstrap_draws": 120,
        "seed": 11,
        "calibration_bins": 10,
        "net_benefit_thresholds": [0.05, 0.1, 0.2],
        "min_label_patients": 10,
        "alarm_sensitivity": 0.8,
        "small_cell": 10,
        "primary_metric": dict.fromkeys((*TASKS, "other"), "auroc"),
        "subgroups": SubgroupParams(recipes=["gbm", "logistic"], age_bounds=[18, 45, 65, 80]),
    }
    return EvaluateParams(**(usual | changes))  # type: ignore[arg-type]


def _generator(*parts: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32("/".join(map(str, parts)).encode()))


def _truth(task: str, fold: str, n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, classes) and labels, the same for every recipe."""
    rng = _generator(task, fold)
    base = np.array([RATES.get(task, -1.5)]) if classes == 1 else np.linspace(-2.5, -0.5, classes)
    if task == "triage":
        base = np.log([0.25, 0.45, 0.30])
    logits = base + rng.normal(0, 1.5, (n, classes))
    if task == "triage":
        drawn = (logits + rng.gumbel(size=logits.shape)).argmax(1)
        return logits, (drawn[:, None] == np.arange(classes)).astype(np.int8)
    return logits, (rng.uniform(size=logits.shape) < expit(logits)).astype(np.int8)


def fake_predictions(
    recipe: str,
    *,
    noise: float,
    sizes: Mapping[str, int] = SMALL_SIZES,
    tasks: tuple[str, ...] = TASKS,
    seeds: tuple[int, ...] = (1,),
    variant: str = "full",
) -> pd.DataFrame:
    """A predictions table; `noise` spoils the true logits, infinite noise leaves a constant."""
    parts = []
    for task in tasks:
        names = {
            "triage": TRIAGE_CLASSES,
            "next_diagnoses": tuple(f"phenotype_{k:02d}" for k in range(sizes["labels"])),
        }.get(task, ("positive",))
        for fold, n in (("test", sizes[task]), ("val", sizes[task] // 2)):
            logits, y = _truth(task, fold, n, len(names))
            # Ids as long as real ones, so that a stray one is found in a text.
            offset = FIRST_PATIENT + (0 if fold == "test" else 5_000_000)
            patients = _generator(task, fold, "patients").integers(0, sizes["patients"], n) + offset
            for seed in seeds:
                rng = _generator(task, fold, recipe, variant, seed)
                if np.isinf(noise):
                    seen = np.broadcast_to(logits.mean(0), logits.shape)
                else:
                    seen = logits + rng.normal(0, 1.0, logits.shape) * noise
                p = expit(seen)
                if task == "triage":
                    p = np.exp(seen) / np.exp(seen).sum(1, keepdims=True)
                parts.append(
                    pd.DataFrame(
                        {
                            "task": task,
                            "recipe": recipe,
                            "variant": variant,
                            "seed": seed,
                            "split_sha": "0" * 64,
                            "fold": fold,
                            "sample_id": np.repeat(
                                [f"{task}-{fold}-{i}" for i in range(n)], y.shape[1]
                            ),
                            "patient_id": np.repeat(patients, y.shape[1]),
                            "class": np.tile(names, n),
                            "y": y.ravel(),
                            "p": p.ravel(),
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True)


def write_trained(
    root: Path,
    recipe: str,
    frame: pd.DataFrame,
    *,
    skipped: Mapping[str, str] | None = None,
    epochs: int = 0,
) -> None:
    """What the train room leaves for one recipe: predictions, reasons of skipped tasks, curves."""
    folder = root / "data/train" / recipe
    write_parquet(folder / "predictions.parquet", frame, PREDICTIONS)
    write_json(folder / "skipped.json", dict(skipped or {}))
    rows = ["task,seed,epoch,train_loss,val_metric"]
    for task in frame["task"].unique() if epochs else ():
        for seed in frame["seed"].unique():
            rows += [
                f"{task},{seed},{e},{0.2 + 0.5 / (e + seed):.5f},{0.8 - 0.3 / (e + seed):.5f}"
                for e in range(1, epochs + 1)
            ]
    (folder / "curves.csv").write_text("\n".join(rows) + "\n")


NOISE = {
    "majority": np.inf,
    "one_vital": 3.0,
    "logistic": 1.6,
    "gbm": 1.2,
    "lstm_vitals": 1.4,
    "oracle": 0.0,
    "attainable": 0.6,
}


# Which recipe sees a part of what another one sees.
UNIMODAL = {"gbm": "one_vital"}

# Sources withheld from gbm, and its noise without them.
WITHHELD = {"without_notes": 1.3, "without_series": 3.0}


def build_world(root: Path, **options: Any) -> Path:
    """Write the seven recipes of NOISE, five tasks, below `root`; options go to the generator."""
    for recipe, noise in NOISE.items():
        frame = fake_predictions(recipe, noise=noise, **options)
        if recipe == "gbm":
            less = [
                fake_predictions(recipe, noise=without, variant=variant, **options)
                for variant, without in WITHHELD.items()
            ]
            frame = pd.concat([frame, *less])
        write_trained(root, recipe, frame, epochs=8 if recipe == "lstm_vitals" else 0)
    return root


def score_world(root: Path, params: EvaluateParams) -> Path:
    """Run the scoring stage's work for every recipe below `root`."""
    for folder in sorted((root / "data/train").iterdir()):
        score_recipe(folder, root / "data/evaluate" / folder.name, params, step_hours=12)
    return root


@dataclass(frozen=True)
class Fakes:
    """The generators above, as tests reach them."""

    params: Callable[..., EvaluateParams] = make_params
    predictions: Callable[..., pd.DataFrame] = fake_predictions
    trained: Callable[..., None] = write_trained
    world: Callable[..., Path] = build_world
    scored: Callable[[Path, EvaluateParams], Path] = score_world
    recipes: tuple[str, ...] = tuple(NOISE)
    unimodal: Mapping[str, str] = field(default_factory=lambda: UNIMODAL)


@pytest.fixture(scope="session")
def fakes() -> Fakes:
    """Generators of fake predictions and of worlds of recipes."""
    return Fakes()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world, scored and reported; tests only read it."""
    root = score_world(build_world(tmp_path_factory.mktemp("world")), make_params())
    report(root, tuple(NOISE), make_params(unimodal=UNIMODAL), restricted=False)
    return root
