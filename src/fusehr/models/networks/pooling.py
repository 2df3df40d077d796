"""From a state at every hour to one vector a sample."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from torch import Tensor, nn


class LastStep(nn.Module):
    """The state of the last valid step."""

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """states (b, t, d), lengths (b,) >= 1 -> (b, d)."""
        return states[torch.arange(len(states), device=states.device), lengths - 1]


class AttentionPooling(nn.Module):
    """A learned query per head attends to all valid steps; each head pools its share of the width.

    One query a head, not a sequence of them, so that the number of steps never enters the output's
    shape. d is a multiple of heads.
    """

    def __init__(self, d: int, *, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Parameter(torch.randn(heads, d // heads) * (d // heads) ** -0.5)
        self.keys = nn.Linear(d, d)
        self.values = nn.Linear(d, d)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """states (b, t, d), lengths (b,) >= 1 -> (b, d)."""
        keys = rearrange(self.keys(states), "b t (h c) -> b h t c", h=self.heads)
        values = rearrange(self.values(states), "b t (h c) -> b h t c", h=self.heads)
        scores = einsum(self.query, keys, "h c, b h t c -> b h t") * keys.shape[-1] ** -0.5
        behind = torch.arange(states.shape[1], device=states.device) >= lengths[:, None]  # (b, t)
        scores = scores.masked_fill(rearrange(behind, "b t -> b 1 t"), -torch.inf)
        pooled = einsum(scores.softmax(dim=-1), values, "b h t, b h t c -> b h c")
        return rearrange(pooled, "b h c -> b (h c)")
