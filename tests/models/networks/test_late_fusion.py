"""Late fusion: means of probabilities by presence and confidence, and a regression on logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.fitting import class_loss, probabilities
from fusehr.models.networks.late_fusion import Average, LateFusion, Stack, Vote, divergence, mixture


class Given(nn.Module):
    """A branch that says what it was told to, the same of every sample."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, batch: Batch) -> Tensor:
        return self.logits


LOGITS = torch.tensor([[[-2.0, 0.5], [1.0, 0.0]], [[3.0, -1.0], [-4.0, 0.2]]])  # (of, b, c)
BRANCHES = {"series": Given(LOGITS[0]), "notes": Given(LOGITS[1])}


def both() -> Batch:
    mask = torch.ones(2, 1, dtype=torch.bool)
    return Batch({name: Tokens(torch.zeros(2, 1, 1), mask) for name in BRANCHES})


def p(logits: Tensor, exclusive: bool) -> Tensor:
    return probabilities(logits, exclusive=exclusive)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.booleans())
def test_a_mixture_is_the_weighted_mean_of_probabilities(seed: int, exclusive: bool) -> None:
    torch.manual_seed(seed)
    logits, weights = 8 * torch.randn(3, 4, 2), torch.rand(3, 4, 1)
    found = p(mixture(logits, weights, exclusive=exclusive), exclusive)
    each = torch.stack([p(of_one, exclusive) for of_one in logits])
    expected = (each * weights).sum(dim=0) / weights.sum(dim=0)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6, check_dtype=False)


def test_sure_branches_make_a_finite_mixture() -> None:
    logits = torch.tensor([[[90.0]], [[-90.0]]])
    found = mixture(logits, torch.ones(2, 1, 1), exclusive=False)
    torch.testing.assert_close(found, torch.zeros(1, 1))


@pytest.mark.parametrize("exclusive", [False, True])
def test_divergence_is_that_of_its_definition(exclusive: bool) -> None:
    prior = torch.tensor([-1.5, 0.3])
    found = divergence(LOGITS, prior, exclusive=exclusive).numpy()
    probs, prevalence = p(LOGITS.flatten(0, 1), exclusive), p(prior[None], exclusive)[0]
    probs, prevalence = probs.unflatten(0, (2, 2)).numpy(), prevalence.numpy()
    of_class = probs * np.log(probs / prevalence)
    if exclusive:
        expected = of_class.sum(axis=2, keepdims=True)
    else:
        expected = of_class + (1 - probs) * np.log((1 - probs) / (1 - prevalence))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert found.min() > 0
    same = divergence(prior[None], prior, exclusive=exclusive)
    np.testing.assert_allclose(same, 0, atol=1e-6)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("kind", ["average", "vote"])
def test_a_branch_without_its_modality_has_no_say(kind: str, exclusive: bool) -> None:
    prior = torch.tensor([-1.5, 0.3])
    fusion: LateFusion = (
        Average(BRANCHES, exclusive=exclusive)
        if kind == "average"
        else Vote(BRANCHES, prior, exclusive=exclusive)
    )
    mean = (p(LOGITS[0], exclusive) + p(LOGITS[1], exclusive)) / 2
    found = p(fusion(both()), exclusive)
    assert torch.allclose(found, mean, atol=1e-5) == (kind == "average")
    for withheld, kept in (("notes", 0), ("series", 1)):
        alone = p(fusion(both().without({withheld})), exclusive)
        torch.testing.assert_close(alone, p(LOGITS[kept], exclusive), rtol=1e-4, atol=1e-6)
    neither = p(fusion(both().without({"notes", "series"})), exclusive)
    torch.testing.assert_close(neither, mean, rtol=1e-4, atol=1e-6)


def test_a_vote_goes_to_the_branch_that_has_found_something() -> None:
    """Of a rare outcome one half is a strong statement, and prevalence none."""
    branches = {"series": Given(torch.zeros(1, 1)), "notes": Given(torch.full((1, 1), -3.0))}
    mask = torch.ones(1, 1, dtype=torch.bool)
    batch = Batch({name: Tokens(torch.zeros(1, 1, 1), mask) for name in branches})
    fusion = Vote(branches, torch.tensor([-3.0]), exclusive=False)
    assert fusion(batch).sigmoid().item() == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_vote_for_prevalence_counts_where_there_is_no_other(exclusive: bool) -> None:
    prior = torch.tensor([-1.5, 0.3])
    branches = {"series": Given(prior.expand(2, 2)), "notes": Given(LOGITS[1])}
    fusion = Vote(branches, prior, exclusive=exclusive)
    found = p(fusion(both().without({"notes"})), exclusive)
    torch.testing.assert_close(found, p(prior.expand(2, 2), exclusive), rtol=1e-4, atol=1e-6)
    # beside one that has found something it has none
    found = p(fusion(both()), exclusive)
    torch.testing.assert_close(found, p(LOGITS[1], exclusive), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("exclusive", [False, True])
def test_gradients_pass_where_a_branch_has_no_say(exclusive: bool) -> None:
    logits = LOGITS.clone().requires_grad_()
    fusion = Vote(BRANCHES, torch.tensor([-1.5, 0.3]), exclusive=exclusive)
    present = torch.tensor([[True, True], [False, True]])
    fusion.combined(logits, present).square().sum().backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all()
    assert logits.grad[0].any() and logits.grad[1, 0].abs().max() < 1e-30


def stack_data(*, exclusive: bool, n: int = 400) -> tuple[Tensor, Tensor]:
    """The first branch knows half of what decides, twice too surely; the second is noise."""
    generator = torch.Generator().manual_seed(0)
    truth = 2 * torch.randn(n, 3, generator=generator)
    noise = torch.randn(n, 3, generator=generator)
    if exclusive:
        labels = nn.functional.one_hot(torch.multinomial(truth.softmax(1), 1, generator=generator))
        labels = labels[:, 0]
    else:
        labels = torch.rand(n, 3, generator=generator) < truth.sigmoid()
    return torch.stack([2 * truth + 1, noise]), labels.float()


def fitted(logits: Tensor, labels: Tensor, *, exclusive: bool, penalty: float) -> Stack:
    stack = Stack(BRANCHES, labels.shape[1], exclusive=exclusive)
    stack.fit(logits, labels, penalty=penalty)
    return stack


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_stack_is_a_penalised_regression_at_its_optimum(exclusive: bool) -> None:
    logits, labels = stack_data(exclusive=exclusive)
    stack = fitted(logits, labels, exclusive=exclusive, penalty=1.0)
    # half of the first branch, which is twice too sure, and little of the second
    torch.testing.assert_close(stack.weight[0], torch.full((3,), 0.5), rtol=0, atol=0.2)
    assert stack.weight[1].abs().max() < 0.2

    terms = len(labels) if exclusive else labels.numel()

    def objective(weight: Tensor, bias: Tensor) -> float:
        predicted = (logits * weight[:, None]).sum(dim=0) + bias
        distance = (weight - 0.5).square().sum() + bias.square().sum()
        return float(class_loss(predicted, labels, exclusive=exclusive) * terms + distance / 2)

    weight, bias = stack.weight.detach().double(), stack.bias.detach().double()
    least = objective(weight, bias)
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        step = 0.02 * torch.randn(3, 3, generator=generator, dtype=torch.float64)
        assert objective(weight + step[:2], bias + step[2]) > least


def test_a_class_without_positive_rows_keeps_about_the_mean() -> None:
    logits, labels = stack_data(exclusive=False, n=20)
    labels[:, 2] = 0.0
    stack = fitted(logits, labels, exclusive=False, penalty=1000.0)
    assert torch.isfinite(stack.weight).all()
    torch.testing.assert_close(stack.weight, torch.full((2, 3), 0.5), rtol=0, atol=0.1)
    light = fitted(logits, labels, exclusive=False, penalty=1.0)
    assert torch.isfinite(light.weight).all()
    predicted: Any = light.combined(logits, torch.ones(2, 20, dtype=torch.bool))
    assert predicted[:, 2].sigmoid().mean() < 0.3


def test_a_stack_gives_one_set_of_weights_twice() -> None:
    logits, labels = stack_data(exclusive=True)
    first, second = (fitted(logits, labels, exclusive=True, penalty=1.0) for _ in range(2))
    assert torch.equal(first.weight, second.weight) and torch.equal(first.bias, second.bias)
