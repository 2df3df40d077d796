"""Networks that were trained each on its own, combined in their predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from fusehr.models.networks.batch import Batch
from fusehr.models.networks.fitting import class_loss

LEAST = 1e-12  # confidence of a branch that predicts prevalence: it has a vote, if no one else has
STEPS = 500  # of L-BFGS at most; two weights and a bias a class take some ten


class LateFusion(nn.Module, ABC):
    """Of branches, each of which reads the modality that it is named after.

    exclusive: each sample has exactly one class; else classes are independent.
    """

    def __init__(self, branches: Mapping[str, nn.Module], *, exclusive: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)
        self.exclusive = exclusive

    def forward(self, batch: Batch) -> Tensor:
        """The branches' modalities -> logits (b, n_classes)."""
        logits = torch.stack([branch(batch) for branch in self.branches.values()])  # (of, b, c)
        present = torch.stack([batch[name].present for name in self.branches])  # (of, b)
        return self.combined(logits, present)

    @abstractmethod
    def combined(self, logits: Tensor, present: Tensor) -> Tensor:
        """Branches' logits (of, b, c) -> (b, c); present (of, b): whose modality is there."""


class Average(LateFusion):
    """The mean of the probabilities of the branches whose modality is there; of all, if none is."""

    def combined(self, logits: Tensor, present: Tensor) -> Tensor:
        return mixture(logits, present[..., None].float(), exclusive=self.exclusive)


class Vote(LateFusion):
    """The mean of probabilities, each weighted by the branch's confidence.

    Confidence is the Kullback-Leibler divergence of what a branch predicts from what is known
    without looking: logits `prior` (c,), of prevalence. Distance from one half, the usual measure,
    would call a branch unsure that finds a rare outcome likely. A branch without its modality has
    no vote.
    """

    def __init__(
        self, branches: Mapping[str, nn.Module], prior: Tensor, *, exclusive: bool
    ) -> None:
        super().__init__(branches, exclusive=exclusive)
        self.prior: Tensor
        self.register_buffer("prior", prior)

    def combined(self, logits: Tensor, present: Tensor) -> Tensor:
        confidence = divergence(logits, self.prior, exclusive=self.exclusive)  # (of, b, c or 1)
        votes = (confidence.clamp(min=0) + LEAST) * present[..., None]
        return mixture(logits, votes, exclusive=self.exclusive)


class Stack(LateFusion):
    """Logistic regression on the branches' logits: of each class a weight a branch, and a bias."""

    def __init__(
        self, branches: Mapping[str, nn.Module], n_classes: int, *, exclusive: bool
    ) -> None:
        super().__init__(branches, exclusive=exclusive)
        self.weight = nn.Parameter(torch.full((len(branches), n_classes), 1 / len(branches)))
        self.bias = nn.Parameter(torch.zeros(n_classes))

    def combined(self, logits: Tensor, present: Tensor) -> Tensor:
        return stacked(logits, self.weight, self.bias)

    def fit(self, logits: Tensor, labels: Tensor, *, penalty: float) -> None:
        """Fit weight and bias to logits (of, n, c) and labels (n, c) of rows no branch learnt from.

        penalty: of the squared distance from the mean of logits, against the summed loss, so that a
        class without positive rows keeps the mean.
        """
        logits, labels = logits.double(), labels.double()
        start = self.weight.detach().double()
        weight = start.clone().requires_grad_()
        bias = torch.zeros_like(self.bias, dtype=torch.float64).requires_grad_()
        terms = len(labels) if self.exclusive else labels.numel()
        solver = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

        def loss() -> float:
            solver.zero_grad()
            predicted = stacked(logits, weight, bias)
            distance = (weight - start).square().sum() + bias.square().sum()
            total = class_loss(predicted, labels, exclusive=self.exclusive) * terms
            total = total + penalty / 2 * distance
            total.backward()
            return total.item()

        solver.step(loss)
        with torch.no_grad():
            self.weight.copy_(weight)
            self.bias.copy_(bias)


def stacked(logits: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """logits (of, b, c), weight (of, c), bias (c,) -> (b, c)."""
    return (logits * weight[:, None, :]).sum(dim=0) + bias


def mixture(logits: Tensor, weights: Tensor, *, exclusive: bool) -> Tensor:
    """Logits (b, c) of the weighted mean of probabilities, from logits (of, b, c).

    weights: (of, b, c or 1), not negative; equal ones where all are 0.
    """
    weights = torch.where(weights.sum(dim=0) > 0, weights, 1.0)
    shares = weights / weights.sum(dim=0)
    # a share of 0 has no logarithm, and one that cannot be told from 0 has a gradient too
    shares = shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
    if exclusive:
        return (logits.log_softmax(dim=2) + shares).logsumexp(dim=0)
    present = (functional.logsigmoid(logits) + shares).logsumexp(dim=0)
    absent = (functional.logsigmoid(-logits) + shares).logsumexp(dim=0)
    return present - absent


def divergence(logits: Tensor, prior: Tensor, *, exclusive: bool) -> Tensor:
    """Kullback-Leibler divergence from what logits `prior` (c,) say to what `logits` (..., c) do.

    (..., 1) over exclusive classes; (..., c), of each class by itself, over independent ones.
    """
    if exclusive:
        log_p, log_q = logits.log_softmax(dim=-1), prior.log_softmax(dim=-1)
        return (log_p.exp() * (log_p - log_q)).sum(dim=-1, keepdim=True)
    with_it, without = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    gained = with_it.exp() * (with_it - functional.logsigmoid(prior))
    return gained + without.exp() * (without - functional.logsigmoid(-prior))
