"""From hours of a series to a state at each hour."""

from __future__ import annotations

import math
from typing import Literal

import torch
from einops import rearrange
from torch import Tensor, nn

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.attention import SelfAttentionBlock
from fusehr.models.networks.projectors import Missing

SeriesEncoder = Literal["gru", "lstm", "rnn", "transformer"]
LONGEST_PERIOD = 10_000.0  # of the positions' waves, in steps; as Vaswani et al. have it


class RecurrentSeries(nn.Module):
    """A recurrent network; padding stands behind a sample's steps, so it cannot reach them."""

    def __init__(
        self,
        kind: Literal["gru", "lstm", "rnn"],
        width: int,
        d_model: int,
        *,
        layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        network = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}[kind]
        self.network = network(
            width,
            d_model,
            layers,
            batch_first=True,
            dropout=dropout if layers > 1 else 0.0,  # between layers, so one layer has none
        )

    def forward(self, tokens: Tokens) -> Tensor:
        """Tokens (b, t, width) -> states (b, t, d_model), 0 at padding."""
        states, _ = self.network(tokens.values)
        return states * rearrange(tokens.mask, "b t -> b t 1")


class TransformerSeries(nn.Module):
    """Pre-norm self-attention over the hours, which know how long before the index they are."""

    def __init__(
        self, width: int, d_model: int, *, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(width, d_model)
        self.nothing = Missing(d_model)
        self.blocks = nn.ModuleList(
            [SelfAttentionBlock(d_model, heads=heads, dropout=dropout) for _ in range(layers)]
        )
        self.norm = nn.LayerNorm(d_model)

    def forward(self, tokens: Tokens) -> Tensor:
        """Tokens (b, t, width) -> states (b, t, d_model), 0 at padding."""
        step = torch.arange(tokens.mask.shape[1], device=tokens.mask.device)
        ago = (tokens.lengths[:, None] - 1 - step).clamp(min=0)  # (b, t), hours before the last
        states = self.linear(tokens.values) + _waves(ago, self.linear.out_features)
        inside = self.nothing(states, tokens.mask)
        for block in self.blocks:
            inside, _ = block(inside)
        return self.norm(inside.values) * rearrange(tokens.mask, "b t -> b t 1")


def series_encoder(
    kind: SeriesEncoder, width: int, d_model: int, *, heads: int, layers: int, dropout: float
) -> nn.Module:
    """A module from Tokens (b, t, width) to states (b, t, d_model), 0 at padding.

    width: of a step. heads: of the transformer alone.
    """
    if kind == "transformer":
        return TransformerSeries(width, d_model, heads=heads, layers=layers, dropout=dropout)
    return RecurrentSeries(kind, width, d_model, layers=layers, dropout=dropout)


def _waves(position: Tensor, d: int) -> Tensor:
    """Sines and cosines of position (b, t) -> (b, t, d) (Vaswani et al., 2017, section 3.5)."""
    pairs = (d + 1) // 2
    rate = torch.exp(
        -math.log(LONGEST_PERIOD) * torch.arange(pairs, device=position.device) / pairs
    )  # (pairs,)
    angle = position[..., None] * rate  # (b, t, pairs)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)[..., :d]
