"""The stage train-images on a small pool with a planted opacity."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.numpy import load_file
from transformers import ResNetConfig, ResNetModel

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet, write_parquet
from fusehr.core.frame.params import validate
from fusehr.core.frame.schemas import FINDINGS, IMAGE_POOL, IMAGES, SPLITS
from fusehr.core.image_schemas import image_vectors_table
from fusehr.core.metrics import auroc
from fusehr.core.params.images import ImageParams
from fusehr.train.images.fitting import known_loss
from fusehr.train.images.pool import read_pool
from fusehr.train.images.run import train_images

ROOT = Path(__file__).parents[3]
SMALL: dict[str, Any] = {
    "encoder": "resnet",
    "resnet": {"embedding_size": 8, "widths": [8, 16], "depths": [1, 1]},
    "augmentation": {
        "flip": True,
        "shift": 1,
        "rotation": 0.0,
        "brightness": 0.1,
        "contrast": 0.1,
        "blur": 0.0,
    },
    "epochs": 5,
    "batch_size": 32,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "holdout_share": 0.2,
    "dtype": "bfloat16",
    "threads": 1,
    "seed": 1,
}
OPACITY = FINDINGS.index("lung_opacity")
SIDE = 16


def params(**changes: Any) -> ImageParams:
    return validate({**SMALL, **changes}, ImageParams, "train.images")


def films(rng: np.random.Generator, opaque: np.ndarray) -> np.ndarray:
    """Pixels uint8 (n, SIDE, SIDE): noise, with a patch where `opaque`."""
    pixels = rng.normal(90, 20, size=(len(opaque), SIDE, SIDE))
    pixels[opaque, 4:10, 4:10] += 60
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write_tables(folder: Path, *, pool: int = 300, images: int = 40) -> np.ndarray:
    """splits, images and image_pool; which of the cohort's images are opaque."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    cohort = np.arange(10)
    splits = pd.DataFrame({"patient_id": cohort, "fold": "train"})
    write_parquet(folder / "splits.parquet", splits, SPLITS)
    opaque = rng.random(pool) < 0.4
    said = np.where(rng.random(pool) < 0.1, ~opaque, opaque).astype(float)
    said[rng.random(pool) < 0.1] = -1
    said[rng.random(pool) < 0.1] = np.nan
    frame = pd.DataFrame(
        {
            # two films a patient, ids in another order than pixels
            "patient_id": 1000 + np.arange(pool) // 2,
            "image_id": [f"pool-{(k * 7) % max(pool, 1):04}" for k in range(pool)],
            "view": "PA",
            "image_sha256": "0" * 64,
            "pixel_row": np.arange(pool),
            **{name: pd.array([None] * pool, dtype="Int8") for name in FINDINGS},
            "lung_opacity": pd.array(said, dtype="Int8"),
        }
    )
    write_parquet(folder / "image_pool.parquet", frame, IMAGE_POOL)
    shape = (0, 0, 0)
    np.save(folder / "image_pool.npy", films(rng, opaque) if pool else np.empty(shape, np.uint8))
    shown = np.arange(images) % 2 == 0
    times = pd.Timestamp("2150-01-01") + pd.to_timedelta(np.arange(images), unit="h")
    frame = pd.DataFrame(
        {
            "patient_id": cohort[np.arange(images) % 10] if images else [],
            "event_time": times,
            "image_id": [f"image-{(k * 11) % max(images, 1):04}" for k in range(images)],
            "view": "AP",
            "visit_id": 1,
            "available_time": times,
            "image_sha256": "0" * 64,
            "pixel_row": pd.array(np.arange(images), dtype="Int64"),
        }
    )
    if images:  # one is listed, and its pixels are not at hand
        frame.loc[images - 1, ["pixel_row", "image_sha256"]] = None
    write_parquet(folder / "images.parquet", frame, IMAGES)
    np.save(folder / "images.npy", films(rng, shown) if images else np.empty(shape, np.uint8))
    return shown


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder)
    return folder


@pytest.fixture(scope="module")
def made(
    tables: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Path, dict[str, Any]]]:
    """The folder that the encoder with these parameters writes, and its metrics."""

    def run(**changes: Any) -> tuple[Path, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("images")
        return folder, train_images(tables, folder, params(**changes))

    return run


Made = Callable[..., tuple[Path, dict[str, Any]]]


def test_it_finds_the_planted_opacity_in_the_cohorts_images(made: Made, tables: Path) -> None:
    folder, metrics = made()
    assert metrics["holdout_auroc"]["lung_opacity"] > 0.8
    assert metrics["holdout_auroc"]["macro"] == metrics["holdout_auroc"]["lung_opacity"]
    table = read_parquet(folder / "vectors.parquet", image_vectors_table(16 + len(FINDINGS)))
    listed = read_parquet(tables / "images.parquet", IMAGES)
    at_hand = listed.dropna(subset=["pixel_row"])
    assert table["image_id"].tolist() == sorted(at_hand["image_id"]) and len(table) == 39
    vectors = np.stack(table["vector"])
    opaque = at_hand.set_index("image_id").loc[table["image_id"], "pixel_row"] % 2 == 0
    assert auroc(opaque.to_numpy(dtype=int), vectors[:, 16 + OPACITY]) > 0.95
    # standardised by the pool, of which the cohort's images are a sample
    assert np.abs(vectors.mean(axis=0)).max() < 1
    assert 0.3 < np.median(vectors.std(axis=0)) < 2


def test_what_was_fitted_is_told(made: Made, tables: Path) -> None:
    folder, _ = made(epochs=2)
    about = json.loads((folder / "fitted.json").read_text())
    assert about["epochs"] == 2 and about["best_epoch"] in (1, 2)
    assert about["films"] == 300 and about["holdout_films"] == 60
    assert len(about["split_sha"]) == 64
    assert about["holdout_auroc"]["fracture"] is None
    brightness = np.load(tables / "image_pool.npy") / 255
    assert abs(about["pixels"]["mean"][0] - brightness.mean()) < 0.01
    assert abs(about["pixels"]["std"][0] - brightness.std()) < 0.02
    weights = load_file(folder / "encoder.safetensors")
    assert weights["last.weight"].shape == (len(FINDINGS), 16)
    assert weights["vector.mean"].shape == (16 + len(FINDINGS),)


def test_two_runs_write_the_same_bytes(made: Made) -> None:
    first, second = (made(epochs=2)[0] for _ in range(2))
    names = sorted(path.name for path in first.iterdir())
    assert names == ["encoder.safetensors", "fitted.json", "vectors.parquet"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert (made(epochs=2, seed=2)[0] / names[0]).read_bytes() != (first / names[0]).read_bytes()


def test_a_pretrained_encoder_stays_as_it_is_and_gets_a_probe(made: Made, tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 1]}
    ResNetModel(ResNetConfig(layer_type="basic", **sizes)).save_pretrained(tmp_path / "tiny")
    told = {"size": {"shortest_edge": 24}, "image_mean": [0.5] * 3, "image_std": [0.2] * 3}
    (tmp_path / "tiny" / "preprocessor_config.json").write_text(json.dumps(told))
    name = f"hf:{tmp_path / 'tiny'}"
    folder, metrics = made(encoder=name, epochs=20, learning_rate=0.05)
    assert metrics["holdout_auroc"]["lung_opacity"] > 0.75
    read_parquet(folder / "vectors.parquet", image_vectors_table(12 + len(FINDINGS)))
    # random features, only their probe was learnt
    assert set(load_file(folder / "encoder.safetensors")) == {
        "last.weight",
        "last.bias",
        "vector.mean",
        "vector.std",
    }
    about = json.loads((folder / "fitted.json").read_text())
    assert about["encoder"] == "tiny" and about["pixels"]["mean"] == [0.5] * 3


def test_an_empty_pool_leaves_no_vector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tables(tmp_path / "tables", pool=0, images=0)
    out = tmp_path / "out"
    out.mkdir()
    assert train_images(tmp_path / "tables", out, params()) == {"holdout_auroc": {}}
    said = capsys.readouterr().out
    assert said == "train-images: the source has no labelled films, so no image has a vector\n"
    assert not len(read_parquet(out / "vectors.parquet", image_vectors_table(30)))
    assert json.loads((out / "fitted.json").read_text())["films"] == 0


def test_a_cohort_without_images_gets_no_vector(tmp_path: Path) -> None:
    write_tables(tmp_path / "tables", images=0)
    out = tmp_path / "out"
    out.mkdir()
    train_images(tmp_path / "tables", out, params(epochs=1))
    assert not len(read_parquet(out / "vectors.parquet", image_vectors_table(30)))


def test_a_film_of_the_cohort_stops_the_run(tmp_path: Path) -> None:
    write_tables(tmp_path, pool=20)
    frame = read_parquet(tmp_path / "image_pool.parquet", IMAGE_POOL)
    frame.loc[3, "patient_id"] = 7
    write_parquet(tmp_path / "image_pool.parquet", frame, IMAGE_POOL)
    message = r"column patient_id: expected none of splits.parquet, found 1 of them, the first 7"
    with pytest.raises(InputError, match=message):
        read_pool(tmp_path, holdout_share=0.2, seed=1)


def test_a_film_without_pixels_stops_the_run(tmp_path: Path) -> None:
    write_tables(tmp_path, pool=20)
    np.save(tmp_path / "image_pool.npy", np.zeros((19, SIDE, SIDE), np.uint8))
    with pytest.raises(InputError, match=r"pixel_row: expected rows .* 0 to 18, found 0 to 19"):
        read_pool(tmp_path, holdout_share=0.2, seed=1)


def test_a_holdout_of_which_nothing_is_known_stops_the_run(tmp_path: Path) -> None:
    write_tables(tmp_path, pool=4)
    with pytest.raises(InputError, match=r"known findings among the hold-out patients"):
        read_pool(tmp_path, holdout_share=0.1, seed=1)


def test_a_patients_films_are_all_held_out_or_none(tables: Path) -> None:
    pool = read_pool(tables, holdout_share=0.2, seed=1)
    patients = read_parquet(tables / "image_pool.parquet", IMAGE_POOL).sort_values("pixel_row")
    owner = patients["patient_id"].to_numpy()
    train, held = (set(owner[rows.numpy()]) for rows in (pool.train, pool.holdout))
    assert not train & held and len(held) == 30 and len(train) == 120
    assert len(pool.train) + len(pool.holdout) == len(pool) == 300


def test_what_is_uncertain_or_not_said_is_not_learnt_from(tables: Path) -> None:
    pool = read_pool(tables, holdout_share=0.2, seed=1)
    frame = read_parquet(tables / "image_pool.parquet", IMAGE_POOL).sort_values("pixel_row")
    said = frame["lung_opacity"].to_numpy(dtype=float, na_value=np.nan)
    np.testing.assert_array_equal(pool.known[:, OPACITY].numpy() == 1, said >= 0)
    logits = torch.zeros(4, 1)
    labels, known = torch.tensor([[1.0], [0], [1], [0]]), torch.tensor([[1.0], [1], [0], [0]])
    other = known_loss(torch.tensor([[0.0], [0], [9], [-9]]), labels, known)
    torch.testing.assert_close(known_loss(logits, labels, known), other)
    torch.testing.assert_close(other, torch.tensor(2.0).log())


def test_a_loss_that_is_no_number_names_the_epoch(tables: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train-images: the loss is .* in epoch 1"):
        train_images(tables, tmp_path, params(learning_rate=1e30, dtype="float32"))


def test_the_stage_script_writes_the_same_bytes_in_another_process(
    tables: Path, made: Made, tmp_path: Path
) -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    tree["train"]["images"] = {**SMALL, "epochs": 2}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree))
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tables").symlink_to(tables)
    subprocess.run(
        [sys.executable, ROOT / "stages" / "train_images.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        check=True,
    )
    folder, metrics = made(epochs=2)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "data/train/images" / path.name).read_bytes()
    assert json.loads((tmp_path / "metrics" / "images.json").read_text()) == metrics
