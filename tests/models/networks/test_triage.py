"""Fusion of a text and an image vector: what is missing is learnt, and neighbours do not matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from fusehr.core.frame.params import validate
from fusehr.core.params.images import AugmentationParams, ResNetParams
from fusehr.core.params.model import ModelParams
from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.explain import integrated_gradients
from fusehr.models.networks.fitting import (
    Goal,
    fit_module,
    predict_logits,
    settle_torch,
    validation_metric,
)
from fusehr.models.networks.image_encoder import small_resnet
from fusehr.models.networks.inputs.modality import FittedInputs, RaggedTokens
from fusehr.models.networks.triage import ImageBranch, TextBranch, TriageFusion

ROOT = Path(__file__).parents[3]
MODEL: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())["model"]
WIDTH, SIDE = 6, 16
CHANGES = AugmentationParams(
    flip=True, shift=2, rotation=0.0, brightness=0.1, contrast=0.1, blur=0.0
)


def network(*, text: bool = True, image: bool = True, pixels: bool = True) -> TriageFusion:
    torch.manual_seed(0)
    sizes = ResNetParams(embedding_size=8, widths=[8, 16], depths=[1, 1])
    encoder = small_resnet(sizes, CHANGES, dtype="bfloat16") if pixels else None
    return TriageFusion(
        TextBranch(WIDTH, d_model=8, heads=2, dropout=0.5) if text else None,
        ImageBranch(encoder.width if encoder else WIDTH, encoder) if image else None,
        3,
        hidden=12,
        dropout=0.5,
        hide_share=0.3,
    )


def batch(*, pixels: bool = True, k: int = 4) -> Batch:
    """Five samples with 4, 2, 0, 1, 3 sentences; the second and third lack an image."""
    drawn = torch.Generator().manual_seed(1)
    mask = torch.arange(k) < torch.tensor([4, 2, 0, 1, 3])[:, None]
    notes = torch.randn(5, 4, WIDTH, generator=drawn)
    notes = torch.nn.functional.pad(notes, (0, 0, 0, k - 4)) * mask[..., None]
    has = torch.tensor([True, False, False, True, True])[:, None]
    if pixels:
        shape = (5, 1, 1, SIDE, SIDE)
        images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=drawn)
    else:
        images = torch.randn(5, 1, WIDTH, generator=drawn)
    images = images * has.view(5, 1, *[1] * (images.dim() - 2))
    return Batch({"notes": Tokens(notes, mask), "images": Tokens(images, has)})


def rows_of(whole: Batch, rows: list[int]) -> Batch:
    return Batch({n: Tokens(t.values[rows], t.mask[rows]) for n, t in whole.tokens.items()})


@pytest.mark.parametrize("pixels", [True, False])
def test_neither_neighbours_nor_padding_matter(pixels: bool) -> None:
    module, whole = network(pixels=pixels), batch(pixels=pixels)
    module.train()(whole)
    module.eval()
    expected = module(whole)
    assert expected.shape == (5, 3)
    close: dict[str, Any] = {"atol": 1e-5, "rtol": 0.0}
    torch.testing.assert_close(module(batch(pixels=pixels, k=9)), expected, **close)
    for rows in ([3, 1], [2], [4, 0, 2]):
        torch.testing.assert_close(module(rows_of(whole, rows)), expected[rows], **close)


def test_what_stands_behind_a_samples_own_sentences_does_not_matter() -> None:
    module, whole = network().eval(), batch()
    expected = module(whole)
    notes = whole["notes"]
    dirty = torch.where(notes.mask[..., None], notes.values, 100.0)
    changed = Batch({"notes": Tokens(dirty, notes.mask), "images": whole["images"]})
    torch.testing.assert_close(module(changed), expected)


@pytest.mark.parametrize("missing", ["notes", "images"])
def test_what_stands_in_for_a_missing_modality_is_learnt(missing: str) -> None:
    module, whole = network().eval(), batch().without([missing])
    before = module(whole)
    assert before.isfinite().all()
    vector = module.get_parameter(f"branches.{missing}.missing.vector")
    before.sum().backward()
    assert vector.grad is not None and vector.grad.abs().sum() > 0
    with torch.no_grad():
        vector.add_(1.0)
    assert not torch.allclose(module(whole), before)


def test_a_batch_without_any_image_trains() -> None:
    module = network().train()
    module(batch().without(["images"])).sum().backward()
    assert module.last.weight.grad is not None


@pytest.mark.parametrize("mode", ["text", "image"])
def test_one_modality_alone_is_enough(mode: str) -> None:
    module = network(text=mode == "text", image=mode == "image").eval()
    whole = batch()
    other = "images" if mode == "text" else "notes"
    assert torch.equal(module(whole), module(whole.without([other])))
    assert set(module.attend(whole)) == ({"notes"} if mode == "text" else set())


def test_attention_is_over_a_samples_own_sentences() -> None:
    weights = network().eval().attend(batch())["notes"]
    mask = batch()["notes"].mask
    assert (weights >= 0).all() and not weights[~mask].any()
    torch.testing.assert_close(weights.sum(dim=1), mask.any(dim=1).float())
    assert weights[0].std() > 1e-4


def test_augmentation_and_dropout_are_off_in_prediction() -> None:
    module, whole = network(), batch()
    module.train()
    assert not torch.equal(module(whole), module(whole))
    module.eval()
    assert torch.equal(module(whole), module(whole))


@pytest.mark.parametrize("pixels", [True, False])
def test_attributions_sum_to_the_difference_of_logits(pixels: bool) -> None:
    module, whole = network(pixels=pixels), batch(pixels=pixels)
    module.train()(whole)
    found = integrated_gradients(module, whole, 2, 64)
    assert {name: values.shape for name, values in found.items()} == {
        "notes": (5, 4),
        "images": (5, 1),
    }
    floats = module.floats(whole)
    zeros = Batch({n: Tokens(torch.zeros_like(t.values), t.mask) for n, t in floats.tokens.items()})
    with torch.no_grad():
        torch.testing.assert_close(module(floats), module(whole))
        expected = (module(whole) - module(zeros))[:, 2]
    total = found["notes"].sum(dim=1) + found["images"].sum(dim=1)
    torch.testing.assert_close(total, expected, atol=2e-2, rtol=2e-2)


def test_heat_maps_are_of_pictures_that_are_there() -> None:
    module, whole = network().eval(), batch()
    maps = module.grad_cam(whole, 1)
    assert maps is not None and maps.shape == (5, SIDE, SIDE)
    assert maps.min() >= 0 and maps.max() == 1
    assert not maps[[1, 2]].any()
    assert network(pixels=False).grad_cam(batch(pixels=False), 1) is None
    assert network(image=False).grad_cam(whole, 1) is None


def test_an_image_alone_tells_a_planted_opacity() -> None:
    n = 400
    drawn = torch.Generator().manual_seed(5)
    pixels = 90 + 20 * torch.randn(n, 1, SIDE, SIDE, generator=drawn)
    labels = torch.randint(0, 2, (n,), generator=drawn).bool()
    pixels[labels, :, 3:9, 4:10] += 45
    table = pixels.clamp(0, 255).to(torch.uint8)
    images = RaggedTokens(table, torch.arange(n), torch.arange(n + 1))
    exclusive = torch.stack([labels, ~labels, torch.zeros(n)], dim=1).float()
    inputs = FittedInputs({"images": images}, exclusive)
    changed = {"epochs": 6, "patience": 6, "learning_rate": 0.01, "batch_size": 32}
    params = validate({**MODEL, **changed}, ModelParams, "model")
    goal = Goal(True, "auroc", "planted")
    settle_torch(threads=1, seed=0)
    module = network(text=False)
    rows, val = np.arange(300), torch.arange(300, 400)
    fit_module(
        module,
        inputs,
        goal,
        train=rows,
        val=val.numpy(),
        params=params,
        seed=0,
        log=lambda *_: None,
    )
    logits = predict_logits(module, inputs, val, batch_size=50)
    assert validation_metric(logits, inputs.labels[val], goal) > 0.95
    blind = predict_logits(module, inputs, val, batch_size=50, without=["images"])
    assert torch.equal(blind, blind[:1].expand_as(blind))
