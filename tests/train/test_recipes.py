"""Each recipe, from tables to predictions: complete, well-formed, as good as its input allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusehr.core.cohort import load_rounds, load_task, split_sha
from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.frame.tasks import TASKS, TRIAGE_CLASSES
from fusehr.core.metrics import auroc

FITTED = ("one_vital", "logistic", "gbm", "lstm_vitals")
ALL = ("majority", *FITTED, "oracle", "attainable")

Once = Callable[[str], Path]


def predictions(folder: Path, variant: str = "full", **only: object) -> pd.DataFrame:
    frame = read_parquet(folder / "predictions.parquet", PREDICTIONS)
    frame = frame[frame["variant"] == variant]
    for column, value in only.items():
        frame = frame[frame[column] == value]
    return frame


def mean_auroc(folder: Path, task: str) -> float:
    frame = predictions(folder, task=task, fold="test")
    areas = [
        auroc(part["y"].to_numpy(), part["p"].to_numpy())
        for _, part in frame.groupby("class")
        if part["y"].nunique() == 2
    ]
    return float(np.mean(areas))


@pytest.mark.parametrize("recipe", ALL)
def test_every_validation_and_test_sample_is_predicted_with_its_own_label(
    recipe: str, once: Once, tables: Path
) -> None:
    found = predictions(once(recipe))
    assert set(found["recipe"]) == {recipe}
    assert set(found["split_sha"]) == {split_sha(tables)}
    (split,) = load_rounds(tables)
    for task in TASKS:
        samples = load_task(tables, task)
        for fold, patients in (("val", split.val), ("test", split.test)):
            part = found[(found["task"] == task) & (found["fold"] == fold)]
            wide = part.pivot(index="sample_id", columns="class", values="y")
            rows = samples.samples["patient_id"].isin(patients).to_numpy()
            assert wide.index.tolist() == samples.samples["sample_id"][rows].tolist()
            assert tuple(wide.columns) == samples.classes
            np.testing.assert_array_equal(wide.to_numpy(), samples.labels[rows])
            assert set(part["patient_id"]) <= patients


@pytest.mark.parametrize("recipe", ALL)
def test_triage_is_one_of_three_classes(recipe: str, once: Once) -> None:
    wide = predictions(once(recipe), task="triage").pivot(
        index="sample_id", columns="class", values="p"
    )
    assert set(wide.columns) == set(TRIAGE_CLASSES)
    np.testing.assert_allclose(wide.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(
    ("recipe", "task", "least"),
    [
        # a rule has two values, and loses what lies between
        *((recipe, "mortality", 0.65 if recipe == "one_vital" else 0.72) for recipe in FITTED),
        *((recipe, "deterioration", 0.75) for recipe in FITTED),
        *((recipe, "triage", 0.62) for recipe in FITTED),
        ("logistic", "next_diagnoses", 0.8),
        ("gbm", "next_diagnoses", 0.8),
        ("oracle", "mortality", 0.75),
        ("oracle", "next_diagnoses", 0.85),
    ],
)
def test_planted_signal_is_found(recipe: str, task: str, least: float, once: Once) -> None:
    assert mean_auroc(once(recipe), task) > least


@pytest.mark.parametrize(
    ("recipe", "task"),
    [(recipe, "readmission") for recipe in FITTED]
    # the phenotypes are in no vital
    + [("one_vital", "next_diagnoses"), ("lstm_vitals", "next_diagnoses")],
)
def test_no_signal_is_found_where_none_is(recipe: str, task: str, once: Once) -> None:
    # 60 test patients: a standard error of about 0.08, less over four labels
    assert 0.5 - 0.2 < mean_auroc(once(recipe), task) < 0.5 + 0.2


@pytest.mark.parametrize("recipe", ["logistic", "gbm"])
@pytest.mark.parametrize(
    ("modality", "task", "finds"),
    [
        ("series", "mortality", True),
        ("codes", "mortality", False),
        ("series", "next_diagnoses", False),
        ("codes", "next_diagnoses", True),
    ],
)
def test_a_recipe_knows_the_modalities_it_was_given(
    recipe: str, modality: str, task: str, finds: bool, trained: Callable[..., Path], tables: Path
) -> None:
    changes: dict[str, Any] = {f"recipes__{recipe}__modalities": [modality], "train__tasks": [task]}
    folder = trained(recipe, tables, **changes)
    if (modality, task) == ("codes", "mortality"):
        # no code of a first visit is billed before its discharge
        assert json.loads((folder / "skipped.json").read_text()) == {
            "mortality": "needs codes: no codes"
        }
    else:
        assert (mean_auroc(folder, task) > 0.7) == finds


def test_majority_is_the_prevalence_among_train_patients(once: Once, tables: Path) -> None:
    (split,) = load_rounds(tables)
    for task in TASKS:
        samples = load_task(tables, task)
        usable = samples.samples["train_use"] & samples.samples["patient_id"].isin(split.train)
        prevalence = dict(zip(samples.classes, samples.labels[usable].mean(axis=0), strict=True))
        found = predictions(once("majority"), task=task)
        np.testing.assert_array_equal(found["p"], found["class"].map(prevalence))


@pytest.mark.parametrize("recipe", ["one_vital", "logistic", "gbm"])
def test_a_label_that_train_never_saw_positive_is_its_prevalence(recipe: str, once: Once) -> None:
    found = predictions(once(recipe), task="next_diagnoses")
    assert set(found["p"][found["class"] == "Shock"]) == {0.0}
    assert found["p"][found["class"] == "Pneumonia"].nunique() > 1


def test_ceilings_are_the_truth_table(once: Once, tables: Path) -> None:
    truth = pd.read_parquet(tables / "truth.parquet")
    found = predictions(once("oracle")).merge(truth, on=["task", "sample_id", "class"])
    assert len(found) == len(predictions(once("oracle")))
    np.testing.assert_array_equal(found["p"], found["oracle"])


@pytest.mark.parametrize("recipe", ALL)
def test_recipe_json_says_what_was_trained(recipe: str, once: Once, tables: Path) -> None:
    about = json.loads((once(recipe) / "recipe.json").read_text())
    assert about["recipe"] == recipe
    assert about["split_sha"] == split_sha(tables)
    assert about["params"]["train.seeds"] == [1]
    assert about["params"][f"recipes.{recipe}"]["module"]
    assert set(about["fitted"]) == set(TASKS)
    # 180 train patients with three windows each, of which one is not for training
    assert about["fitted"]["deterioration"]["split"]["1"]["train"] == 360


def test_curves_are_the_epochs_of_neural_recipes(once: Once) -> None:
    header = "task,round,seed,epoch,train_loss,val_metric\n"
    assert (once("gbm") / "curves.csv").read_text() == header
    curves = pd.read_csv(once("lstm_vitals") / "curves.csv")
    fitted = json.loads((once("lstm_vitals") / "recipe.json").read_text())["fitted"]
    assert set(curves["task"]) == set(TASKS)
    for task in TASKS:
        part = curves[curves["task"] == task]
        assert part["epoch"].tolist() == list(range(1, len(part) + 1))
        best = int(part["val_metric"].to_numpy().argmax()) + 1
        assert fitted[task]["split"]["1"]["best_epoch"] == best
