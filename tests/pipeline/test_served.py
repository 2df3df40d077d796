"""What is served is what was evaluated: cases give the predictions that the pipeline wrote."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from fusehr.serve.cases.case import Case
from fusehr.serve.demo.cases_of_samples import cases_of
from fusehr.serve.http.app import create_app
from fusehr.serve.http.settings import Settings
from fusehr.serve.predictors.choose import Choice, load_predictor, trained
from fusehr.serve.predictors.contract import Explaining, Predictor

# the first of them waits for the small run, which others share
pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(1800)]

MOST = 16  # test samples of a task
CLOSE = 1e-5


def offline(path: Path, task: str, variant: str = "full") -> pd.DataFrame:
    """p of test samples, a row a sample and a column a class."""
    frame = pd.read_parquet(path)
    chosen = frame["task"].eq(task) & frame["variant"].eq(variant) & frame["fold"].eq("test")
    return frame[chosen].pivot(index="sample_id", columns="class", values="p").head(MOST)


def served(predictor: Predictor, cases: list[Case], without: tuple[Any, ...] = ()) -> np.ndarray:
    return predictor.predict([predictor.prepare(case) for case in cases], without)


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("triage_fusion", "triage"),
        ("triage_fusion", "mortality"),
        ("fusehr", "triage"),
        ("fusehr", "mortality"),
        ("fusehr", "readmission"),
        ("fusehr", "deterioration"),
        ("fusehr", "next_diagnoses"),
    ],
)
def test_a_recipe_predicts_as_offline_batched_or_not(small: Any, model: str, task: str) -> None:
    root = small.folder
    predictor = load_predictor(root, Choice(model, task))
    truth = offline(root / f"data/train/{model}/predictions.parquet", task)
    assert predictor.about.classes == tuple(truth.columns)
    cases = cases_of(root, task, truth.index.tolist())
    together = served(predictor, cases)
    assert np.abs(together - truth.to_numpy()).max() < CLOSE
    alone = np.concatenate([served(predictor, [case]) for case in cases[:3]])
    assert np.abs(alone - together[:3]).max() < CLOSE
    # neither is there a case whose prediction is that of any other
    assert np.ptp(together, axis=0).max() > 10 * CLOSE


def test_a_withheld_modality_is_withheld_as_offline(small: Any) -> None:
    root = small.folder
    predictor = load_predictor(root, Choice("triage_fusion", "triage"))
    path = root / "data/train/triage_fusion/predictions.parquet"
    for variant, without in (("without_images", ("images",)), ("without_notes", ("notes",))):
        truth = offline(path, "triage", variant)
        cases = cases_of(root, "triage", truth.index.tolist())
        assert np.abs(served(predictor, cases, without) - truth.to_numpy()).max() < CLOSE


def test_the_student_predicts_as_offline(small: Any) -> None:
    root = small.folder
    for task in ("next_diagnoses", "triage"):
        predictor = load_predictor(root, Choice("student", task))
        folder = root / "data/distill"
        truth = offline(folder / "students/full_unlabelled/predictions.parquet", task)
        texts = pd.read_parquet(folder / "data/instructions.parquet").set_index("sample_id")
        cases = [Case(text=str(texts.loc[sample, "input"])) for sample in truth.index]
        found = pd.DataFrame(served(predictor, cases), columns=list(predictor.about.classes))
        assert np.abs(found[truth.columns].to_numpy() - truth.to_numpy()).max() < CLOSE


def test_calibration_is_fitted_on_validation_and_mends_it(small: Any) -> None:
    predictor = load_predictor(small.folder, Choice("fusehr", "deterioration"))
    frame = pd.read_parquet(small.folder / "data/train/fusehr/predictions.parquet")
    chosen = frame["task"].eq("deterioration") & frame["variant"].eq("full")
    val = frame[chosen & frame["fold"].eq("val")]
    fitted = predictor.recalibration.apply(val[["p"]].to_numpy())
    assert fitted is not None
    # the mean of a logistic regression's fit is the mean of what it was fitted on
    assert fitted.mean() == pytest.approx(val["y"].mean(), abs=1e-6)


def test_everything_that_was_trained_is_listed(small: Any) -> None:
    found = trained(small.folder)
    assert set(found) == {"triage_fusion", "fusehr", "student"}
    assert found["student"] == ["next_diagnoses", "triage"]
    assert "mortality" in found["fusehr"]


def test_records_are_predicted_from_the_command_line(small: Any, tmp_path: Path) -> None:
    cases = cases_of(small.folder, "triage", _some(small.folder))
    with (tmp_path / "records.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "image_path", "emr_text", "triage_level"])
        for number, case in enumerate(cases):
            image = ""
            if case.images:
                image = f"{number}.png"
                (tmp_path / image).write_bytes(case.images[-1].data)
            text = next((n.text for n in case.notes if n.kind == "triage_nursing"), "")
            writer.writerow([number, image, text, "high"])
    for mode in ("both", "text"):
        output = tmp_path / f"{mode}.csv"
        said = small.run(
            *("fusehr", "predict", str(tmp_path / "records.csv"), "-o", str(output)),
            *("--model", "triage_fusion", "--mode", mode),
        )
        assert f"{len(cases)} records" in said
        rows = pd.read_csv(output)
        assert len(rows) == len(cases)
        assert np.allclose(rows[["p_high", "p_low", "p_medium"]].sum(axis=1), 1, atol=1e-5)


def _some(root: Path) -> list[str]:
    path = root / "data/train/triage_fusion/predictions.parquet"
    return offline(path, "triage").index.tolist()


def test_a_served_network_is_explained_as_the_pipeline_explained_it(small: Any) -> None:
    folder = small.folder / "data/train/triage_fusion"
    predictor = load_predictor(small.folder, Choice("triage_fusion", "triage"))
    assert isinstance(predictor, Explaining)
    written = pd.read_parquet(folder / "explanations.parquet").query("task == 'triage'")
    samples = sorted(written["sample_id"].unique())
    with np.load(folder / "grad_cam.npz") as maps:
        for sample, case in zip(samples, cases_of(small.folder, "triage", samples), strict=True):
            found = predictor.explain(predictor.prepare(case), predictor.about.classes)
            own = written[written["sample_id"] == sample].sort_values(["class", "token"])
            notes, images = (own[own["modality"] == name] for name in ("notes", "images"))
            shape = (len(predictor.about.classes), len(found.tokens))
            told = notes["integrated_gradients"].to_numpy().reshape(shape)
            assert np.abs(found.added - told).max(initial=0) < CLOSE
            if found.added_by_image is not None:
                by_image = images["integrated_gradients"].to_numpy()
                assert np.abs(found.added_by_image - by_image).max() < CLOSE
            if found.maps is not None:
                assert np.abs(found.maps - maps[f"triage/{sample}"]).max() < CLOSE


@pytest.mark.parametrize(
    ("model", "task"),
    [("triage_fusion", "triage"), ("fusehr", "mortality"), ("student", "next_diagnoses")],
)
def test_a_test_sample_is_shown_as_it_was_evaluated(small: Any, model: str, task: str) -> None:
    app = create_app(
        load_predictor(small.folder, Choice(model, task)), small.folder, Settings(timeout_s=300)
    )
    with TestClient(app) as client:
        listed = client.get("/demo/samples").json()
        assert listed["examples"]
        told = client.get("/demo/sample", params={"id": listed["examples"][0]}).json()
    p = told["prediction"]["probabilities"]
    assert told["sample"]["recorded"] == pytest.approx(p, abs=CLOSE)
    assert told["summary"]
    assert (told["why"] is not None) == (model != "student")
