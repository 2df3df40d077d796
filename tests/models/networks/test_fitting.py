"""The training loop: it learns, stops, keeps the best epoch, and says so when it fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from fusehr.core.frame.errors import InputError
from fusehr.core.params.model import ModelParams
from fusehr.models.networks.batch import Batch
from fusehr.models.networks.fitting import (
    Goal,
    fit_module,
    length_bucketed,
    predict_logits,
    probabilities,
    settle_torch,
    start_at_prevalence,
)
from fusehr.models.networks.inputs.modality import FittedInputs, RaggedTokens

PARAMS: dict[str, Any] = {
    "series_hours": {},
    "series_clip_share": 0.05,
    "notes": {"kinds": ["nursing"], "most_notes": 1, "most_tokens": 8},
    "most_facts": 8,
    "most_images": 1,
    "selection": {},
    "d_model": 8,
    "heads": 2,
    "dropout": 0.0,
    "learning_rate": 0.05,
    "weight_decay": 0.0,
    "batch_size": 32,
    "epochs": 15,
    "patience": 3,
    "clip_norm": 1.0,
    "dtype": "float32",
    "threads": 1,
}
TRAIN, VAL = np.arange(200), np.arange(200, 300)
Curve = list[tuple[int, float, float]]


class Vector(nn.Module):
    """A module on the one token of each sample."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, batch: Batch) -> Tensor:
        return self.inner(batch["x"].values[:, 0])


def inputs_of(x: Tensor, labels: Tensor) -> FittedInputs:
    return FittedInputs(
        {"x": RaggedTokens(x, torch.arange(len(x)), torch.arange(len(x) + 1))}, labels
    )


def data(*, exclusive: bool) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 3, generator=generator)
    noisy = x + 0.5 * torch.randn(300, 3, generator=generator)
    labels = nn.functional.one_hot(noisy.argmax(1), 3) if exclusive else noisy > 0
    return x, labels.float()


def fit(
    x: Tensor, labels: Tensor, *, exclusive: bool, **changes: Any
) -> tuple[nn.Module, Curve, int]:
    settle_torch(threads=1, seed=0)
    module, curve = Vector(nn.Linear(3, labels.shape[1])), []
    best = fit_module(
        module,
        inputs_of(x, labels),
        Goal(exclusive, "auroc", "recipe, task, round split, seed 1"),
        train=TRAIN,
        val=VAL,
        params=ModelParams(**{**PARAMS, **changes}),
        seed=0,
        log=lambda *point: curve.append(point),
    )
    return module, curve, best


@pytest.mark.parametrize("exclusive", [False, True])
def test_it_learns_and_keeps_the_best_epoch(exclusive: bool) -> None:
    x, labels = data(exclusive=exclusive)
    module, curve, best = fit(x, labels, exclusive=exclusive)
    assert [epoch for epoch, _, _ in curve] == list(range(1, len(curve) + 1))
    metrics = [metric for _, _, metric in curve]
    assert best == int(np.argmax(metrics)) + 1
    assert max(metrics) > 0.85
    assert len(curve) == min(15, best + 3)
    # the weights are those of the best epoch: stopping right there leads to the same ones
    again, _, _ = fit(x, labels, exclusive=exclusive, epochs=best)
    torch.testing.assert_close(module.state_dict(), again.state_dict(), rtol=0, atol=0)


def test_in_bfloat16_it_learns_and_predicts_in_float32() -> None:
    x, labels = data(exclusive=False)
    module, curve, _ = fit(x, labels, exclusive=False, dtype="bfloat16")
    exact, _, _ = fit(x, labels, exclusive=False)
    assert max(metric for _, _, metric in curve) > 0.85
    weights = module.state_dict()
    assert all(value.dtype == torch.float32 for value in weights.values())
    assert not all(torch.equal(weights[k], v) for k, v in exact.state_dict().items())


def test_without_both_labels_in_validation_the_loss_decides() -> None:
    x, labels = data(exclusive=False)
    labels[200:] = 1.0
    _, curve, best = fit(x, labels, exclusive=False)
    metrics = [metric for _, _, metric in curve]
    assert max(metrics) < 0
    assert best == int(np.argmax(metrics)) + 1


def test_a_loss_that_is_no_number_names_the_fit_and_the_epoch() -> None:
    x, labels = data(exclusive=False)
    x[7, 1] = torch.nan
    message = r"recipe, task, round split, seed 1: the loss is nan in epoch 1"
    with pytest.raises(InputError, match=message):
        fit(x, labels, exclusive=False)


@pytest.mark.parametrize("exclusive", [False, True])
def test_an_untrained_last_layer_predicts_prevalence(exclusive: bool) -> None:
    _, labels = data(exclusive=exclusive)
    if not exclusive:
        labels[:, 0] = 0.0
    last = nn.Linear(3, 3)
    start_at_prevalence(last, labels, exclusive=exclusive)
    p = probabilities(last(torch.zeros(1, 3)), exclusive=exclusive)[0]
    expected = labels.double().mean(dim=0)
    if not exclusive:
        expected[0] = 0.5 / len(labels)
    torch.testing.assert_close(p, expected, rtol=1e-4, atol=1e-6)


def test_dropout_is_off_in_prediction() -> None:
    module = Vector(nn.Sequential(nn.Dropout(0.9), nn.Linear(3, 2)))
    module.train()
    inputs, rows = inputs_of(torch.randn(10, 3), torch.zeros(10, 2)), torch.arange(10)
    once = predict_logits(module, inputs, rows, batch_size=4)
    assert torch.equal(once, predict_logits(module, inputs, rows, batch_size=4))


def test_what_is_withheld_is_as_if_it_had_not_been_recorded() -> None:
    module = Vector(nn.Linear(3, 2))
    inputs, rows = inputs_of(torch.randn(10, 3), torch.zeros(10, 2)), torch.arange(10)
    found = predict_logits(module, inputs, rows, batch_size=4, without=("x",))
    expected = module.inner(torch.zeros(10, 3))
    torch.testing.assert_close(found, expected)


@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=300),
    batch_size=st.integers(2, 40),
    seed=st.integers(0, 3),
)
def test_batches_hold_each_row_once_and_never_a_single_one(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    rows = torch.arange(len(lengths)) + 7
    order = torch.Generator().manual_seed(seed)
    batches = length_bucketed(rows, torch.tensor(lengths), batch_size, order)
    assert sorted(torch.cat(batches).tolist()) == rows.tolist()
    assert max(map(len, batches)) <= batch_size + 1
    assert len(lengths) == 1 or min(map(len, batches)) > 1


def test_batches_hold_samples_of_about_the_same_length() -> None:
    lengths = torch.arange(512) % 64
    order = torch.Generator().manual_seed(0)
    rows = torch.arange(512)
    batches = length_bucketed(rows, lengths, 32, order)
    padding = sum(int((lengths[b].max() - lengths[b]).sum()) for b in batches)
    plain = sum(int((lengths[b].max() - lengths[b]).sum()) for b in torch.randperm(512).split(32))
    assert padding < plain / 8


def test_probabilities_of_exclusive_classes_sum_to_one() -> None:
    p = probabilities(torch.randn(50, 3) * 30, exclusive=True)
    assert p.dtype == torch.float64
    torch.testing.assert_close(p.sum(dim=1), torch.ones(50, dtype=torch.float64))
