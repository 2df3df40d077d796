"""The recipe `lstm_notes`: every way to combine, and what a stack may learn from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from fusehr.core.cohort import load_rounds, load_task
from fusehr.core.folds import Fold, fold_rows
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.core.metrics import auroc
from fusehr.models.networks.late_fusion import Stack
from fusehr.train.engine.contract import Fit, Source
from fusehr.train.engine.neural import NeuralFitted
from fusehr.train.engine.registry import load_job
from fusehr.train.engine.task import ROWS
from fusehr.train.recipes.lstm_notes import LateInputs

from .conftest import Train
from .multimodal import write_multimodal

COMBINE = ("concat", "average", "stack", "vote")
LATE = ("average", "stack", "vote")
QUICK = {
    "recipes__lstm_notes__layers": 1,
    "recipes__lstm_notes__series_hidden": [16],
    "recipes__lstm_notes__notes_hidden": [16],
    "recipes__lstm_notes__hidden": [16],
    "model__dropout": 0.1,
    "model__epochs": 25,
    "model__patience": 8,
}


@pytest.fixture(scope="module")
def tables(make_tables: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lstm_notes") / "data" / "tables"
    return write_multimodal(make_tables(folder, patients=300))


@pytest.fixture(scope="module")
def once(trained: Train, tables: Path) -> Callable[[str], Path]:
    """Trained on mortality and triage with one way to combine, at most once."""
    folders: dict[str, Path] = {}

    def folder(combine: str) -> Path:
        if combine not in folders:
            changes = {**QUICK, "recipes__lstm_notes__combine": combine}
            tasks = ["mortality", "triage"]
            folders[combine] = trained("lstm_notes", tables, **changes, train__tasks=tasks)
        return folders[combine]

    return folder


def mean_auroc(folder: Path, task: str, variant: str) -> float:
    rows = pd.read_parquet(folder / "predictions.parquet")
    rows = rows[(rows["task"] == task) & (rows["variant"] == variant) & (rows["fold"] == "test")]
    areas = [auroc(c["y"].to_numpy(), c["p"].to_numpy()) for _, c in rows.groupby("class")]
    return float(np.mean(areas))


@pytest.mark.parametrize("combine", COMBINE)
def test_every_way_learns_from_both_sources_and_does_without_either(
    combine: str, once: Callable[[str], Path]
) -> None:
    for task in ("mortality", "triage"):
        assert mean_auroc(once(combine), task, "full") > 0.72
        for source in ("series", "notes"):
            assert mean_auroc(once(combine), task, f"without_{source}") > 0.62
    triage = pd.read_parquet(once(combine) / "predictions.parquet").query("task == 'triage'")
    sums = triage.groupby(["variant", "sample_id"])["p"].sum()
    np.testing.assert_allclose(sums, 1, atol=1e-12)


@pytest.mark.parametrize("combine", LATE)
def test_epochs_of_both_branches_stand_in_one_curve(
    combine: str, once: Callable[[str], Path]
) -> None:
    curves = pd.read_csv(once(combine) / "curves.csv")
    fitted = json.loads((once(combine) / "recipe.json").read_text())["fitted"]
    for task in ("mortality", "triage"):
        part = curves[curves["task"] == task]
        assert part["epoch"].tolist() == list(range(1, len(part) + 1))
        best = fitted[task]["split"]["1"]["best_epochs"]
        assert set(best) == {"series", "notes"} and min(best.values()) >= 1
        assert sum(best.values()) <= len(part)


def test_a_late_model_is_saved_with_all_that_it_predicts_by(once: Callable[[str], Path]) -> None:
    kept = {
        combine: set(load_file(once(combine) / "weights/mortality/split/1.safetensors"))
        for combine in COMBINE
    }
    scalers = {"series.mean", "series.std", "notes.mean", "notes.std"}
    assert all(scalers <= names for names in kept.values())
    assert {"branches.series.last.bias", "branches.notes.last.bias"} <= kept["average"]
    assert kept["stack"] - kept["average"] == {"weight", "bias"}
    assert kept["vote"] - kept["average"] == {"prior"}


@contextmanager
def branches(
    task: Task, tables: Path, project: Callable, root: Path
) -> Iterator[tuple[LateInputs, dict[str, NeuralFitted], Fold]]:
    """Inputs of a stack, its two trained branches, and the rows that they were trained on."""
    changes = {**QUICK, "recipes__lstm_notes__combine": "stack", "model__epochs": 2}
    project(root, {name.replace("__", "."): value for name, value in changes.items()})
    job = load_job("lstm_notes", stage_params("train@lstm_notes", root))
    samples = load_task(tables, task)
    with open_tables(tables, job.recipe.tables, threads=1) as con:
        con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
        inputs = job.recipe.inputs(Source(con, tables, 1), samples)
    assert isinstance(inputs, LateInputs)
    (fold,) = fold_rows(samples, load_rounds(tables))
    fitted = inputs.fit(Fit(fold, 1, "stack", lambda epoch: None))
    trained = {
        name: NeuralFitted(inputs, fitted.inputs, network, 1)
        for name, network in fitted.network.get_submodule("branches").named_children()
    }
    yield inputs, trained, fold


@pytest.mark.parametrize("task", ["mortality", "next_diagnoses", "triage"])
def test_a_stack_is_fitted_on_validation_rows_alone(
    task: Task, tables: Path, project: Callable, tmp_path: Path
) -> None:
    """With fixed branches, labels of train and test rows do not matter; those of validation do."""
    with branches(task, tables, project, tmp_path) as (inputs, trained, fold):

        def stack(rows: np.ndarray) -> Stack:
            labels = inputs.samples.labels.copy()
            labels[rows] = labels[np.random.default_rng(0).permutation(rows)]
            other = replace(inputs, samples=replace(inputs.samples, labels=labels))
            found = other.combination(trained, fold)
            assert isinstance(found, Stack)
            return found

        before = stack(fold.val[:1])
        for rows in (fold.train, fold.test):
            after = stack(rows)
            assert torch.equal(after.weight, before.weight)
            assert torch.equal(after.bias, before.bias)
        assert not torch.allclose(stack(fold.val).weight, before.weight, atol=1e-3)
        # and the branches were not trained along
        for name, one in trained.items():
            assert one.network is before.branches[name]


def test_branches_are_the_same_however_they_are_combined(once: Callable[[str], Path]) -> None:
    average, *others = (
        load_file(once(combine) / "weights/triage/split/1.safetensors") for combine in LATE
    )
    for other in others:
        for name, value in average.items():
            assert torch.equal(other[name], value), name
