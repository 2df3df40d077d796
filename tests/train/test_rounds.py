"""Cross-validation: every patient is tested once, by models that never saw them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core.cohort import Round, load_rounds, load_task
from fusehr.core.folds import fold_rows


@pytest.fixture(scope="module")
def cv_tables(make_tables: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tables(tmp_path_factory.mktemp("cv"), patients=100, cv=True)


@pytest.mark.parametrize("recipe", ["majority", "logistic", "lstm_vitals"])
def test_each_sample_is_tested_once_and_validated_once(
    recipe: str, trained: Callable, cv_tables: Path
) -> None:
    folder = trained(recipe, cv_tables, train__tasks=["mortality", "triage"], model__epochs=2)
    found = pd.read_parquet(folder / "predictions.parquet").query("variant == 'full'")
    for task in ("mortality", "triage"):
        samples = load_task(cv_tables, task)
        for fold in ("val", "test"):
            part = found[(found["task"] == task) & (found["fold"] == fold)]
            counts = part.groupby("sample_id").size()
            assert counts.index.tolist() == samples.samples["sample_id"].tolist()
            assert set(counts) == {len(samples.classes)}
    weights = sorted(path.parent.name for path in (folder / "weights" / "triage").rglob("1.*"))
    assert weights == ["cv0", "cv1", "cv2", "cv3", "cv4"]


def test_a_tested_patient_is_predicted_from_the_others_alone(
    trained: Callable, cv_tables: Path
) -> None:
    found = pd.read_parquet(
        trained("majority", cv_tables, train__tasks=["mortality"]) / "predictions.parquet"
    )
    found = found[found["fold"] == "test"].set_index("patient_id")
    samples = load_task(cv_tables, "mortality")
    patients = samples.samples["patient_id"]
    for one in load_rounds(cv_tables):
        prevalence = samples.labels[patients.isin(one.train)].mean()
        assert set(found.loc[sorted(one.test), "p"]) == {prevalence}


def test_rows_follow_patients_and_their_use(tables: Path) -> None:
    samples = load_task(tables, "deterioration")
    patients = samples.samples["patient_id"].to_numpy()
    everyone = np.unique(patients)
    one = Round("r", frozenset(everyone[:3]), frozenset(everyone[3:5]), frozenset(everyone[5:6]))
    (fold,) = fold_rows(samples, [one])
    # three windows a patient, of which two are for training
    assert (len(fold.train), len(fold.val), len(fold.test)) == (6, 6, 3)
    assert set(patients[fold.train]) == set(everyone[:3])
    assert samples.samples["train_use"].to_numpy()[fold.train].all()
    assert set(patients[fold.test]) == set(everyone[5:6])
    # to fit again: train and validation, but for windows that are not for training
    assert len(fold.again) == 10 and set(fold.train) < set(fold.again)
    (fold,) = fold_rows(samples, [replace(one, spared=frozenset(everyone[3:4]))])
    assert set(patients[fold.again]) == {*everyone[:3], everyone[4]}
