"""The recipe triage_fusion on small tables whose notes and images tell the labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
)

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import validate
from fusehr.core.metrics import auroc
from fusehr.train.recipes.triage_fusion import Params

from .multimodal import write_multimodal

ROOT = Path(__file__).parents[2]
BLOCK: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"][
    "triage_fusion"
]
WEIGHTS = Path("weights") / "triage" / "split" / "1.safetensors"
SMALL: dict[str, Any] = {
    "recipes__triage_fusion__resnet__embedding_size": 8,
    "recipes__triage_fusion__resnet__widths": [8, 16],
    "recipes__triage_fusion__resnet__depths": [1, 1],
    # what is planted stands in the corners
    "recipes__triage_fusion__augmentation__flip": False,
    "recipes__triage_fusion__augmentation__shift": 1,
    "recipes__triage_fusion__hidden": 32,
    "recipes__triage_fusion__learning_rate": 0.01,
    "recipes__triage_fusion__batch_size": 32,
    "recipes__triage_fusion__epochs": 8,
    "recipes__triage_fusion__patience": 8,
    "model__d_model": 8,
    "train__tasks": ["triage"],
    "train__threads": 1,
}


@pytest.fixture(scope="module")
def told(make_tables: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables, vectors and images of 300 patients; not to be changed."""
    root = tmp_path_factory.mktemp("told")
    return write_multimodal(make_tables(root / "data" / "tables", patients=300))


@pytest.fixture
def fit(trained: Callable[..., Path], told: Path) -> Callable[..., Path]:
    """Trains the recipe on `told`; `changes` are of its own block."""

    def run(**changes: Any) -> Path:
        own = {f"recipes__triage_fusion__{name}": value for name, value in changes.items()}
        return trained("triage_fusion", told, **{**SMALL, **own})

    return run


def score(folder: Path, variant: str = "full") -> float:
    """Macro AUROC on test rows."""
    found = pd.read_parquet(folder / "predictions.parquet")
    found = found[(found["fold"] == "test") & (found["variant"] == variant)]
    by_class = [
        auroc(rows["y"].to_numpy(), rows["p"].to_numpy()) for _, rows in found.groupby("class")
    ]
    assert len(by_class) == 3
    return float(np.mean(by_class))


def variants(folder: Path) -> set[str]:
    return set(pd.read_parquet(folder / "predictions.parquet")["variant"])


@pytest.mark.parametrize("image_encoder", ["resnet", "pool"])
def test_it_learns_from_both_and_loses_by_either(
    fit: Callable[..., Path], image_encoder: str
) -> None:
    folder = fit(image_encoder=image_encoder, epochs=16, patience=16)
    both = score(folder)
    assert both > 0.8
    assert both - score(folder, "without_images") > 0.02
    assert both - score(folder, "without_notes") > 0.02


@pytest.mark.parametrize("mode", ["text", "image"])
def test_one_modality_alone_is_a_recipe_of_its_own(fit: Callable[..., Path], mode: str) -> None:
    folder = fit(mode=mode)
    assert variants(folder) == {"full"}
    assert 0.65 < score(folder) < 0.97


def test_two_runs_write_the_same_bytes(fit: Callable[..., Path]) -> None:
    first, second = (fit(epochs=2) for _ in range(2))
    names = ["predictions.parquet", str(WEIGHTS), "recipe.json"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_block_says_how_it_is_optimised(fit: Callable[..., Path]) -> None:
    curve = pd.read_csv(fit(mode="text", epochs=3) / "curves.csv")
    assert curve["epoch"].tolist() == [1, 2, 3]


def test_sentences_can_be_trained_along(fit: Callable[..., Path], tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    names = "mortality readmission deterioration triage next_diagnoses filler none positive"
    words = [*names.split(), "high", "medium", "low", ":", ",", *map(str, range(6))]
    entries = {word: k for k, word in enumerate(["[PAD]", "[UNK]", *words])}
    body = BertModel(BertConfig(vocab_size=len(entries), num_hidden_layers=1, **sizes))
    body.save_pretrained(tmp_path)
    tokenizer = Tokenizer(models.WordLevel(entries, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(tmp_path)
    (tmp_path / "modules.json").write_text(
        json.dumps(
            [
                {"path": "", "type": "sentence_transformers.models.Transformer"},
                {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            ]
        )
    )
    (tmp_path / "1_Pooling").mkdir()
    told_pooling = json.dumps({"pooling_mode_mean_tokens": True})
    (tmp_path / "1_Pooling" / "config.json").write_text(told_pooling)
    folder = fit(
        mode="text",
        text_encoder="finetuned",
        text_model=f"hf:{tmp_path}",
        most_words=8,
        epochs=4,
    )
    assert score(folder) > 0.65
    weights = load_file(folder / WEIGHTS)
    name = "embeddings.word_embeddings.weight"
    before = body.state_dict()[name].numpy()
    assert np.abs(weights[f"branches.notes.words.body.{name}"] - before).max() > 1e-3


def test_a_pretrained_image_network_can_be_trained_along(
    fit: Callable[..., Path], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}
    ResNetModel(ResNetConfig(layer_type="basic", **sizes)).save_pretrained(tmp_path)
    told = {"size": {"shortest_edge": 24}, "image_mean": [0.5] * 3, "image_std": [0.2] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))
    assert score(fit(mode="image", image_encoder=f"hf:{tmp_path}")) > 0.65


def test_it_can_begin_with_the_weights_of_train_images(
    fit: Callable[..., Path], told: Path, tmp_path: Path, trained: Callable[..., Path]
) -> None:
    tables = tmp_path / "tables"
    for name in ("tables", "embed"):
        (tmp_path / name).symlink_to(told.parent / name)
    (tmp_path / "train" / "images").mkdir(parents=True)
    path = tmp_path / "train" / "images" / "encoder.safetensors"
    changes = {
        **SMALL,
        "recipes__triage_fusion__mode": "image",
        "recipes__triage_fusion__image_encoder": "finetuned",
        # so small that weights stay where they began
        "recipes__triage_fusion__learning_rate": 1e-9,
        "recipes__triage_fusion__epochs": 1,
    }
    with pytest.raises(InputError, match=r"encoder.safetensors: expected weights of train-images"):
        trained("triage_fusion", tables, **changes)
    fresh = load_file(fit(mode="image", epochs=1) / WEIGHTS)
    prefix = "branches.images."
    began = {
        key.removeprefix(prefix): value for key, value in fresh.items() if key.startswith(prefix)
    }
    save_file(began, path)
    tuned = load_file(trained("triage_fusion", tables, **changes) / WEIGHTS)
    name = "encoder.body.embedder.embedder.convolution.weight"
    np.testing.assert_allclose(tuned[prefix + name], began[name], atol=1e-6)
    other = {**changes, "recipes__triage_fusion__resnet__widths": [8, 12]}
    with pytest.raises(InputError, match=r"a ResNet of the recipe's own size"):
        trained("triage_fusion", tables, **other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modalities": ["notes"]}, "mode multimodal expects notes and images among modalities"),
        ({"image_encoder": "vgg"}, "expected resnet, finetuned, pool or hf:<id or folder>, found"),
        ({"text_model": "bert"}, "expected minilm or hf:<id or folder>, found 'bert'"),
        ({"resnet": {"embedding_size": 8, "widths": [8], "depths": [1, 1]}}, "one of depths for"),
        ({"augmentation": {"flip": True}}, "augmentation.shift: missing parameter"),
    ],
)
def test_a_block_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        validate({**BLOCK, **changes}, Params, "recipes.triage_fusion")
    assert message in str(caught.value)
