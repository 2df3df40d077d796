"""What students are trained on: the seed's loss as a special case, and each part by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from fusehr.models.distilled.attention import Levels, divergence, levels
from fusehr.models.distilled.losses import Weights, distillation_loss
from fusehr.models.distilled.tokens import OUTSIDE, TokenBatch

PLAIN = {"token": 0.0, "section": 0.0, "patient": 0.0, "smoothing": 0.0}


def weights(**given: float | bool) -> Weights:
    return Weights(**{"alpha": 0.9, "temperature": 1.0, "soft": True} | PLAIN | given)  # type: ignore[arg-type]


def drawn(seed: int, n: int = 5, c: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    logits, soft = torch.randn(n, c, generator=g), torch.randn(n, c, generator=g)
    return logits, (torch.rand(n, c, generator=g) > 0.5).float(), soft


@given(st.integers(0, 1000))
def test_the_seeds_loss_is_a_special_case(seed: int) -> None:
    """CKD-EHR: 0.9 * BCE(hard) + 0.1 * BCE(soft), written out from probabilities."""
    logits, labels, soft = drawn(seed)
    every = torch.ones(len(logits), dtype=torch.bool)
    found = distillation_loss(logits, labels, every, weights(), exclusive=False, soft=soft)
    p, q = torch.sigmoid(logits.double()), torch.sigmoid(soft.double())

    def bce(target: torch.Tensor) -> float:
        return float(-(target * p.log() + (1 - target) * (1 - p).log()).mean())

    assert float(found) == pytest.approx(0.9 * bce(labels.double()) + 0.1 * bce(q), abs=1e-5)


def test_a_visit_without_an_outcome_adds_by_its_soft_label_alone() -> None:
    logits, labels, soft = drawn(1)
    known = torch.tensor([True, True, False, False, False])
    loss = distillation_loss(logits, labels, known, weights(), exclusive=False, soft=soft)
    other = labels.clone()
    other[~known] = 1 - other[~known]
    assert loss == distillation_loss(logits, other, known, weights(), exclusive=False, soft=soft)
    moved = soft.clone()
    moved[4] += 1
    assert loss != distillation_loss(logits, labels, known, weights(), exclusive=False, soft=moved)
    none = torch.zeros(5, dtype=torch.bool)
    alone = distillation_loss(logits, labels, none, weights(), exclusive=False, soft=soft)
    expected = 0.1 * functional.binary_cross_entropy_with_logits(logits, torch.sigmoid(soft))
    torch.testing.assert_close(alone, expected)


def test_without_distillation_hard_labels_have_their_full_weight() -> None:
    logits, labels, soft = drawn(2)
    every = torch.ones(len(logits), dtype=torch.bool)
    hard = functional.binary_cross_entropy_with_logits(logits, labels)
    found = distillation_loss(
        logits, labels, every, weights(soft=False), exclusive=False, soft=soft
    )
    torch.testing.assert_close(found, hard)
    smoothed = weights(soft=False, smoothing=0.2)
    found = distillation_loss(logits, labels, every, smoothed, exclusive=False, soft=soft)
    expected = functional.binary_cross_entropy_with_logits(logits, labels * 0.8 + 0.1)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("exclusive", [False, True])
def test_the_soft_gradient_keeps_its_size_at_any_temperature(exclusive: bool) -> None:
    """Near the teacher the gradient of the soft part is about the same at T = 1 and T = 4."""
    _, labels, soft = drawn(3)
    sizes = []
    for temperature in (1.0, 4.0):
        logits = (soft / 20).requires_grad_()
        far = weights(alpha=0.0, temperature=temperature)
        known = torch.zeros(5, dtype=torch.bool)
        distillation_loss(
            logits, labels, known, far, exclusive=exclusive, soft=soft / 10
        ).backward()
        assert logits.grad is not None
        sizes.append(float(logits.grad.norm()))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.1)


def test_exclusive_classes_use_cross_entropy() -> None:
    logits, _, soft = drawn(4)
    labels = functional.one_hot(torch.tensor([0, 1, 2, 0, 1]), 3).float()
    every = torch.ones(5, dtype=torch.bool)
    found = distillation_loss(logits, labels, every, weights(), exclusive=True, soft=soft)
    hard = functional.cross_entropy(logits, labels.argmax(dim=1))
    taught = functional.cross_entropy(logits, soft.softmax(dim=1))
    torch.testing.assert_close(found, 0.9 * hard + 0.1 * taught)


def text_batch() -> TokenBatch:
    """Two texts: special, section 0 twice, section 2, special; and a shorter one."""
    sections = torch.tensor([[OUTSIDE, 0, 0, 2, OUTSIDE], [OUTSIDE, 0, 1, OUTSIDE, OUTSIDE]])
    mask = torch.tensor([[True] * 5, [True, True, True, True, False]])
    return TokenBatch(torch.ones(2, 5, dtype=torch.int64), mask, sections)


def attention(seed: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    scores = torch.randn(2, 5, 5, generator=g)
    scores[1, :, 4] = -math.inf
    return scores.softmax(dim=2)


def test_levels_are_sums_of_attention_written_out() -> None:
    batch, weight = text_batch(), attention(0)
    found = levels(weight, batch, "mean", 3)
    a = weight[0].double().numpy()
    received = a.mean(axis=0)[1:4]
    np.testing.assert_allclose(found.tokens[0, 1:4], received / received.sum(), rtol=1e-5)
    assert found.tokens[0, [0, 4]].abs().sum() == 0
    own = np.array([[a[1:3, 1:3].sum(), a[1:3, 3].sum()], [a[3, 1:3].sum(), a[3, 3]]])
    np.testing.assert_allclose(
        found.sections[0][[0, 2]][:, [0, 2]], own / own.sum(axis=1, keepdims=True), rtol=1e-5
    )
    assert found.sections[0, 1].sum() == 0 and found.sections[0, :, 1].sum() == 0
    np.testing.assert_allclose(
        found.patient[0],
        [received[:2].sum() / received.sum(), 0, received[2] / received.sum()],
        rtol=1e-5,
    )


@pytest.mark.parametrize(("pooling", "row"), [("cls", 0), ("last", 3)])
def test_what_is_pooled_decides_whose_attention_counts(pooling: str, row: int) -> None:
    batch, weight = text_batch(), attention(1)
    found = levels(weight, batch, pooling, 3)  # type: ignore[arg-type]
    own = weight[1, row, 1:3]
    torch.testing.assert_close(found.tokens[1, 1:3], own / own.sum())


def test_divergence_is_nought_of_itself_and_larger_the_farther_it_is() -> None:
    batch = text_batch()
    teacher = levels(attention(2), batch, "mean", 3)
    for part in divergence(teacher, teacher):
        torch.testing.assert_close(part, torch.zeros(2))
    other = levels(attention(3), batch, "mean", 3)
    between = Levels(
        *((a + b) / 2 for a, b in zip(vars(teacher).values(), vars(other).values(), strict=True))
    )
    for near, far in zip(divergence(teacher, between), divergence(teacher, other), strict=True):
        assert (near > 0).all() and (far > near).all()


@pytest.mark.parametrize("level", ["token", "section", "patient"])
def test_each_level_of_attention_enters_with_its_weight(level: str) -> None:
    logits, labels, soft = drawn(5, n=2)
    every, batch = torch.ones(2, dtype=torch.bool), text_batch()
    pair = (levels(attention(4), batch, "mean", 3), levels(attention(5), batch, "mean", 3))
    base = distillation_loss(
        logits, labels, every, weights(alpha=0.5), exclusive=False, soft=soft, attention=pair
    )
    found = distillation_loss(
        logits,
        labels,
        every,
        weights(alpha=0.5, **{level: 2.0}),
        exclusive=False,
        soft=soft,
        attention=pair,
    )
    place = ("token", "section", "patient").index(level)
    torch.testing.assert_close(found - base, 0.5 * 2.0 * divergence(*pair)[place].mean())
