"""A trial: what train does, as far as validation patients see it, and no test patient in sight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.schemas import LABEL, SPLITS
from fusehr.core.params.tune import Metric
from fusehr.train.engine.registry import load_job
from fusehr.train.engine.run import train
from fusehr.tune.run import search, tune_params
from fusehr.tune.space import load_space
from fusehr.tune.trial import Training, searched_samples, validation_score

from ..train.conftest import rewrite, write_tables
from .conftest import NAME, RATE, WIDTH


def training(root: Path) -> Training:
    params = tune_params(NAME, root)
    return Training(load_space(NAME, params), params, root / "data/tables")


def test_a_trial_gives_what_train_gives_on_validation_patients(
    repository: Callable[..., Path], tmp_path: Path
) -> None:
    root = repository()
    curve: list[float] = []
    values = {RATE: 0.02, WIDTH: 8}
    score = training(root)(values, lambda _, metric: curve.append(metric))

    changes = {"model__learning_rate": 0.02, "model__d_model": 8, "train__tasks": ["mortality"]}
    other = repository("trained", **changes)
    folder = tmp_path / "out"
    folder.mkdir()
    job = load_job("lstm_vitals", stage_params("train@lstm_vitals", other))
    train(job, tables=other / "data/tables", folder=folder, live=tmp_path / "live")
    rows = pd.read_parquet(folder / "predictions.parquet")
    val = rows[(rows["fold"] == "val") & (rows["variant"] == "full")]
    assert score == pytest.approx(average_precision_score(val["y"], val["p"]), abs=1e-12)
    written = pd.read_csv(folder / "curves.csv")["val_metric"]
    np.testing.assert_allclose(curve, written, atol=1e-6)
    assert score != training(root)({RATE: 0.001, WIDTH: 8}, lambda *_: None)


def test_no_test_patient_is_in_sight(tables: Path) -> None:
    samples, fold = searched_samples(tables, "mortality", 1.0)
    splits = pd.read_parquet(tables / "splits.parquet").set_index("patient_id")["fold"]
    folds = samples.samples["patient_id"].map(splits).to_numpy()
    assert set(folds) == {"train", "val"} and len(fold.test) == 0
    assert set(folds[fold.train]) == {"train"} and set(folds[fold.val]) == {"val"}
    half, part = searched_samples(tables, "mortality", 0.5)
    assert len(part.train) < len(fold.train) and len(part.val) == len(fold.val)
    assert len(half.samples) == len(part.train) + len(part.val)


def test_labels_of_test_patients_change_nothing(
    repository: Callable[..., Path], tables: Path, tmp_path: Path
) -> None:
    splits = pd.read_parquet(tables / "splits.parquet")
    tested = splits.loc[splits["fold"] == "test", "patient_id"]
    label = pd.read_parquet(tables / "label.parquet")
    wrong = label["patient_id"].isin(tested) & (label["task"] == "mortality")
    label.loc[wrong, "label_value"] = 1 - label.loc[wrong, "label_value"]
    assert wrong.any()
    (tmp_path / "wrong").mkdir()
    other = rewrite(tables, tmp_path / "wrong", **{LABEL.name: label})

    def trials(root: Path) -> list[Any]:
        params = tune_params(NAME, root)
        return search(load_space(NAME, params), params, root)

    assert trials(repository("right")) == trials(repository("wrong_labels", of=other))
    # two studies, as the data are others
    assert len(list((tmp_path / "cache" / "tune").iterdir())) == 2


def test_cross_validated_patients_are_refused(tmp_path: Path) -> None:
    crossed = write_tables(tmp_path / "tables", patients=60, cv=True)
    message = r"splits.parquet: column fold: expected one split into train, val and test, found cro"
    with pytest.raises(InputError, match=message):
        searched_samples(crossed, "mortality", 1.0)


def test_validation_patients_of_one_class_are_refused(tables: Path, tmp_path: Path) -> None:
    splits = pd.read_parquet(tables / "splits.parquet")
    label = pd.read_parquet(tables / "label.parquet")
    ids = splits.loc[splits["fold"] == "val", "patient_id"]
    label.loc[label["patient_id"].isin(ids) & (label["task"] == "mortality"), "label_value"] = 0.0
    (tmp_path / "tables").mkdir()
    few = rewrite(tables, tmp_path / "tables", **{LABEL.name: label, SPLITS.name: splits})
    with pytest.raises(InputError, match="mortality: expected val samples with and without a clas"):
        searched_samples(few, "mortality", 1.0)


def test_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    labels, p = np.eye(3, dtype=int)[rng.integers(0, 3, 90)], rng.dirichlet(np.ones(3), 90)
    pairs: list[tuple[Metric, Any]] = [
        ("auroc", roc_auc_score),
        ("auprc", average_precision_score),
    ]
    for metric, theirs in pairs:
        expected = np.mean([theirs(labels[:, k], p[:, k]) for k in range(3)])
        assert validation_score(metric, labels, p) == pytest.approx(expected)
    weighted = f1_score(labels.argmax(1), p.argmax(1), average="weighted")
    assert validation_score("f1_weighted", labels, p) == pytest.approx(weighted)
    # a class that nobody has stands in no average
    none = np.column_stack([labels, np.zeros(90, int)])
    wide = np.column_stack([p, np.full(90, 0.1)])
    assert validation_score("auroc", none, wide) == validation_score("auroc", labels, p)
