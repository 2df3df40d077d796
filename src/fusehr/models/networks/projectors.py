"""From tokens as they were read to states of one width, and what stands in for none."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from fusehr.models.networks.batch import Tokens


class SharedDropout(nn.Module):
    """Dropout of the same places of all tokens of a sample (Gal and Ghahramani, NeurIPS 2016).

    What one token loses cannot be read off its neighbours, which often repeat it; and drawing for
    each token by itself would take a tenth of the time of training.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, states: Tensor) -> Tensor:
        """States (b, k, d) -> (b, k, d)."""
        if not self.training or not self.share:
            return states
        b, _, d = states.shape
        return states * functional.dropout(states.new_ones(b, 1, d), self.share)


class TokenProjector(nn.Module):
    """A norm, a linear layer and dropout, for each token on its own.

    The norm has no scale of its own: the linear layer's would do the same.
    """

    def __init__(self, width: int, d_model: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.linear = nn.Linear(width, d_model)
        self.dropout = SharedDropout(dropout)

    def forward(self, tokens: Tokens) -> Tensor:
        """Tokens (b, k, width) -> states (b, k, d_model), 0 at padding."""
        states = self.dropout(self.linear(self.norm(tokens.values)))  # (b, k, d_model)
        return states * rearrange(tokens.mask, "b k -> b k 1")


class Missing(nn.Module):
    """A learned vector in the place of a modality that was not recorded of a sample.

    Absence is then something that the network can learn from, and attention never sees an empty
    set, whose softmax is not a number.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.randn(d_model) * d_model**-0.5)

    def forward(self, states: Tensor, mask: Tensor) -> Tokens:
        """States (b, k, d_model), mask (b, k), k >= 1 -> tokens, one or more of each sample.

        A sample without any has the learned vector as its first.
        """
        absent = ~mask.any(dim=1)  # (b,)
        first = torch.arange(mask.shape[1], device=mask.device) == 0  # (k,)
        here = absent[:, None] & first  # (b, k)
        values = torch.where(rearrange(here, "b k -> b k 1"), self.vector, states)
        return Tokens(values, mask | here)

    def pooled(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Vectors (b, d_model), present bool (b,) -> (b, d_model), the learned one where absent."""
        return torch.where(present[:, None], vectors, self.vector)
