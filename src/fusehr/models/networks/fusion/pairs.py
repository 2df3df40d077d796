"""A vector and another that goes with it made one, place by place.

All take x (..., d) and y (..., d), broadcast against each other, and give (..., d).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from fusehr.models.networks.fusion.mag import AdaptationGate

PairFusion = Literal["add", "concat", "adaptive", "mag"]


class Add(nn.Module):
    """Their sum."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """x + y."""
        return x + y


class Concat(nn.Module):
    """A linear layer of both."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * d_model, d_model)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """W [x; y] + b."""
        return self.linear(_both(x, y))


class Adaptive(nn.Module):
    """A sum whose shares both decide: the gated multimodal unit (Arevalo et al., 2017)."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * d_model, d_model)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """g x + (1 - g) y with g = sigmoid(W [x; y] + b), a share for each place."""
        gate = torch.sigmoid(self.gate(_both(x, y)))
        return gate * x + (1 - gate) * y


class Mag(nn.Module):
    """x shifted by y: see mag.AdaptationGate."""

    def __init__(self, d_model: int, *, beta: float, dropout: float) -> None:
        super().__init__()
        self.gate = AdaptationGate(d_model, others=1, beta=beta, dropout=dropout)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The shifted x."""
        return self.gate(x, [y])


def pair_fusion(kind: PairFusion, d_model: int, *, beta: float, dropout: float) -> nn.Module:
    """The module of that name. beta: see mag.AdaptationGate."""
    if kind == "add":
        return Add()
    if kind == "concat":
        return Concat(d_model)
    if kind == "adaptive":
        return Adaptive(d_model)
    return Mag(d_model, beta=beta, dropout=dropout)


def _both(x: Tensor, y: Tensor) -> Tensor:
    return torch.cat(torch.broadcast_tensors(x, y), dim=-1)  # (..., 2 * d)
