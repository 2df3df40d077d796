"""Explanations of a trained recipe: long, complete, and the same bytes on every run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fusehr.core.cohort import load_rounds, load_task
from fusehr.core.explanation_schemas import EXPLANATIONS
from fusehr.core.folds import fold_rows
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.params import stage_params
from fusehr.core.gate.availability import open_tables
from fusehr.models.networks.batch import Batch, Tokens
from fusehr.train.engine.contract import Fit, Source
from fusehr.train.engine.explained import write_explanations
from fusehr.train.engine.explanations import class_maps, explain, explain_fit
from fusehr.train.engine.neural import NeuralFitted, NeuralInputs
from fusehr.train.engine.registry import load_job
from fusehr.train.engine.task import ROWS

from ..multimodal import write_multimodal

CHANGES: dict[str, Any] = {
    "recipes.triage_fusion.image_encoder": "resnet",
    "recipes.triage_fusion.resnet.widths": [4, 8],
    "recipes.triage_fusion.resnet.depths": [1, 1],
    "recipes.triage_fusion.epochs": 2,
    "model.d_model": 8,
    "train.threads": 1,
}


@pytest.fixture(scope="module")
def told(make_tables: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("told")
    return write_multimodal(make_tables(root / "data" / "tables", patients=60))


@pytest.fixture(scope="module")
def fitted_as(
    told: Path, project: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., NeuralFitted]:
    """A recipe fitted on triage, with its parameters changed."""

    def fit(recipe: str, **changes: Any) -> NeuralFitted:
        root = tmp_path_factory.mktemp(recipe)
        own = {f"recipes.{recipe}.{name}": value for name, value in changes.items()}
        project(root, {**CHANGES, **own})
        job = load_job(recipe, stage_params(f"train@{recipe}", root))
        samples = load_task(told, "triage")
        fold = fold_rows(samples, load_rounds(told))[0]
        with open_tables(told, job.recipe.tables, threads=1) as con:
            con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
            inputs = job.recipe.inputs(Source(con, told, 1), samples)
        assert isinstance(inputs, NeuralInputs)
        return inputs.fit(Fit(fold, 1, recipe, lambda _: None))

    return fit


@pytest.fixture(scope="module")
def fusion(fitted_as: Callable[..., NeuralFitted]) -> NeuralFitted:
    return fitted_as("triage_fusion")


def both(fitted: NeuralFitted) -> np.ndarray:
    """Two samples that have notes and image, one that lacks the image."""
    has = {name: one.lengths.numpy() > 0 for name, one in fitted.inputs.modalities.items()}
    whole = np.flatnonzero(has["notes"] & has["images"])[:2]
    return np.concatenate([whole, np.flatnonzero(has["notes"] & ~has["images"])[:1]])


def test_a_row_for_each_token_and_class(fusion: NeuralFitted) -> None:
    rows = both(fusion)
    table = explain(fusion, rows, ["high", "low"], steps=16)
    assert list(table.columns) == [column.name for column in EXPLANATIONS.columns]
    lengths = {name: one.lengths[rows].sum() for name, one in fusion.inputs.modalities.items()}
    assert len(table) == 2 * int(lengths["notes"] + lengths["images"])
    assert set(table["class"]) == {"high", "low"}
    ids = fusion.of.samples.samples["sample_id"].to_numpy()[rows]
    images = table[table["modality"] == "images"]
    assert set(images["sample_id"]) == set(ids[:2])
    assert images["attention"].isna().all()
    notes = table[table["modality"] == "notes"]
    weight = notes.groupby(["sample_id", "class"])["attention"].sum()
    np.testing.assert_allclose(weight, 1.0, atol=1e-5)
    assert notes["integrated_gradients"].abs().sum() > 0


def test_attributions_of_a_sample_sum_to_what_its_tokens_change(fusion: NeuralFitted) -> None:
    rows = both(fusion)
    table = explain(fusion, rows, ["high"], steps=64)
    total = table.groupby("sample_id")["integrated_gradients"].sum()
    network: Any = fusion.network.eval()
    index = fusion.of.samples.classes.index("high")
    with torch.no_grad():
        whole = network.floats(fusion.inputs.batch(torch.from_numpy(rows)))
        zeros = Batch(
            {n: Tokens(torch.zeros_like(t.values), t.mask) for n, t in whole.tokens.items()}
        )
        expected = (network(whole) - network(zeros))[:, index].numpy()
    ids = fusion.of.samples.samples["sample_id"].to_numpy()[rows]
    np.testing.assert_allclose(total[ids], expected, atol=0.02, rtol=0.02)


def test_a_network_that_does_not_attend_has_no_attention(
    fitted_as: Callable[..., NeuralFitted],
) -> None:
    fitted = fitted_as("lstm_vitals", hidden=[4], layers=1)
    explained = explain_fit(fitted, np.array([0, 1]), steps=4)
    assert set(explained.table["modality"]) == {"series"}
    assert explained.table["attention"].isna().all()
    assert explained.table["integrated_gradients"].abs().sum() > 0
    assert explained.maps == {}


def test_maps_are_of_samples_with_an_image(fusion: NeuralFitted) -> None:
    rows = both(fusion)
    maps = class_maps(fusion, rows, ["high", "low", "medium"])
    ids = fusion.of.samples.samples["sample_id"].to_numpy()[rows]
    assert list(maps) == [f"triage/{sample_id}" for sample_id in ids[:2]]
    assert all(one.shape == (3, 16, 16) and one.dtype == np.float32 for one in maps.values())


def test_where_images_are_vectors_there_are_no_maps(fitted_as: Callable[..., NeuralFitted]) -> None:
    fitted = fitted_as("triage_fusion", image_encoder="pool")
    explained = explain_fit(fitted, both(fitted), steps=2)
    assert explained.maps == {}
    assert {"notes", "images"} == set(explained.table["modality"])


def test_files_are_the_same_bytes_and_as_the_schema_says(
    fusion: NeuralFitted, tmp_path: Path
) -> None:
    rows = both(fusion)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_explanations(tmp_path / name, [explain_fit(fusion, rows, steps=4)])
    for name in ("explanations.parquet", "grad_cam.npz"):
        first, second = ((tmp_path / run / name).read_bytes() for run in ("first", "second"))
        assert first == second
    table: pd.DataFrame = read_parquet(tmp_path / "first" / "explanations.parquet", EXPLANATIONS)
    assert set(table["task"]) == {"triage"}
    with np.load(tmp_path / "first" / "grad_cam.npz") as maps:
        expected = explain_fit(fusion, rows, steps=4).maps
        assert set(maps) == set(expected)
        for name, one in expected.items():
            np.testing.assert_array_equal(maps[name], one)


def test_nothing_to_explain_is_an_empty_table(tmp_path: Path) -> None:
    write_explanations(tmp_path, [])
    assert not len(read_parquet(tmp_path / "explanations.parquet", EXPLANATIONS))
    assert not (tmp_path / "grad_cam.npz").exists()


def test_an_unknown_class_is_named(fusion: NeuralFitted) -> None:
    with pytest.raises(InputError, match=r"triage: expected one of its classes, high, low.*'red'"):
        explain(fusion, both(fusion), ["red"], steps=2)
