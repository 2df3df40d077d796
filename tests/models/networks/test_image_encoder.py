"""Encoders of pictures: fixed in evaluation, and pretrained ones fed as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, ResNetConfig, ResNetModel

from fusehr.core.frame.errors import InputError
from fusehr.core.params.images import AugmentationParams, ResNetParams
from fusehr.models.networks.image_encoder import ImageEncoder, pretrained_resnet, small_resnet

SIZES = ResNetParams(embedding_size=4, widths=[4, 8], depths=[1, 1])
CHANGES = AugmentationParams(
    flip=True, shift=2, rotation=0.0, brightness=0.2, contrast=0.2, blur=0.0
)


def encoder(dtype: Any = "float32") -> ImageEncoder:
    torch.manual_seed(0)
    return small_resnet(SIZES, CHANGES, dtype=dtype)


def pixels(n: int = 6) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (n, 1, 16, 16), dtype=torch.uint8, generator=drawn)


def save(folder: Path, **changes: Any) -> Path:
    """A tiny pretrained ResNet of three colours, with what says how its pictures were prepared."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1]}
    ResNetModel(ResNetConfig(layer_type="basic", **sizes)).save_pretrained(folder)
    told = {"size": {"shortest_edge": 20}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps({**told, **changes}))
    return folder


def pretrained(name: str) -> ImageEncoder:
    return pretrained_resnet(name, CHANGES, dtype="float32", parameter="train.images.encoder")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_vector_depends_on_its_picture_alone(dtype: str) -> None:
    module, seen = encoder(dtype), pixels()
    module.train()(seen)
    module.eval()
    whole = module(seen)
    assert whole.shape == (6, 8) and whole.dtype == torch.float32
    assert torch.equal(module(seen), whole)
    torch.testing.assert_close(module(seen[[4, 1]]), whole[[4, 1]], atol=1e-5, rtol=0)


def test_training_augments_and_computes_in_the_type_asked_for() -> None:
    reduced, whole, seen = encoder("bfloat16").train(), encoder("float32").train(), pixels()
    torch.manual_seed(1)
    first = reduced(seen)
    torch.manual_seed(1)
    exact = whole(seen)
    torch.manual_seed(2)
    again = reduced(seen)
    assert first.dtype == torch.float32
    assert 0 < (first - exact).abs().max() < 0.2
    assert not torch.equal(first, again)


def test_brightness_is_standardised_by_what_training_saw() -> None:
    module, seen = encoder(), pixels(64)
    module.augmentation.eval()
    module.scale.train()
    module.standardised(seen)
    module.eval()
    standardised = module.standardised(seen)
    assert abs(standardised.mean().item()) < 0.01
    assert abs(standardised.std().item() - 1) < 0.01
    assert torch.equal(module.standardised(standardised), standardised)


def test_a_pretrained_one_gets_its_own_preparation(tmp_path: Path) -> None:
    module = pretrained(str(save(tmp_path))).eval()
    black = torch.zeros(2, 1, 16, 16, dtype=torch.uint8)
    prepared = module.standardised(black)
    assert prepared.shape == (2, 3, 20, 20)
    expected = torch.tensor([-2.5, -2.0, -1.5])
    torch.testing.assert_close(prepared.mean(dim=(0, 2, 3)), expected)
    assert module(pixels()).shape == (6, 8)


@pytest.mark.parametrize("size", [20, {"height": 20, "width": 20}])
def test_the_size_is_told_in_several_ways(tmp_path: Path, size: Any) -> None:
    module = pretrained(str(save(tmp_path, size=size)))
    assert module.standardised(pixels()).shape == (6, 3, 20, 20)


def test_what_is_no_image_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"preprocessor_config.json: expected a file"):
        pretrained(str(tmp_path))
    folder = save(tmp_path / "resnet")
    sizes: dict[str, Any] = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2}
    BertModel(BertConfig(num_hidden_layers=1, vocab_size=9, **sizes)).save_pretrained(folder)
    with pytest.raises(InputError, match=r"train.images.encoder: expected a convolutional .* bert"):
        pretrained(str(folder))
    (folder / "preprocessor_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"expected size, image_mean and image_std"):
        pretrained(str(folder))
