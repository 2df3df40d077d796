"""What fusions over streams of tokens share: their result, pooling, and joining streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from einops import einsum, rearrange
from torch import Tensor, nn

from fusehr.models.networks.batch import Tokens

# How a stream becomes a vector: its last token, which a recurrent network leaves with all that it
# read, or attention over all tokens.
Read = Literal["last", "attention"]


@dataclass(frozen=True)
class Fused:
    """One vector a sample, float (b, d), and for each stream its tokens' weights (b, k).

    Weights of a stream are not negative, 0 at padding, and sum to 1. They say where attention
    looked, which is not what a token contributed.
    """

    vector: Tensor
    weights: tuple[Tensor, ...]


class AttentionPool(nn.Module):
    """A learned query per head attends to a sample's tokens; a head pools its share of the width.

    A query that does not depend on the sample only ranks tokens, so a linear score a head is all
    there is to it. It starts as the mean. d_model is a multiple of heads.
    """

    def __init__(self, d_model: int, *, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scores = nn.Linear(d_model, heads, bias=False)
        nn.init.zeros_(self.scores.weight)

    def forward(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """Tokens (b, k, d), one or more a sample -> vectors (b, d), weights (b, k)."""
        scores = self.scores(tokens.values)  # (b, k, h)
        padding = rearrange(~tokens.mask, "b k -> b k 1")
        weights = scores.masked_fill(padding, -torch.inf).softmax(dim=1)  # (b, k, h)
        values = rearrange(tokens.values, "b k (h c) -> b k h c", h=self.heads)
        pooled = einsum(weights, values, "b k h, b k h c -> b h c")
        return rearrange(pooled, "b h c -> b (h c)"), weights.mean(dim=2)


class LastToken(nn.Module):
    """The last of a sample's tokens."""

    def forward(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """Tokens (b, k, d), one or more a sample -> vectors (b, d), weights (b, k), of which one
        is 1."""
        place = torch.arange(tokens.mask.shape[1], device=tokens.mask.device)
        last = (place * tokens.mask).amax(dim=1)  # (b,)
        vectors = tokens.values[torch.arange(len(last), device=last.device), last]
        return vectors, (place == last[:, None]).to(vectors)


def reader(read: Read, d_model: int, *, heads: int) -> nn.Module:
    """From tokens (b, k, d) to vectors (b, d) and weights (b, k). heads: of attention."""
    return LastToken() if read == "last" else AttentionPool(d_model, heads=heads)


def joined(streams: Sequence[Tokens]) -> Tokens:
    """The streams' tokens (b, k_i, d), one stream behind another: (b, sum of k_i, d).

    Padding then stands between them too, and only the mask tells.
    """
    return Tokens(
        torch.cat([stream.values for stream in streams], dim=1),
        torch.cat([stream.mask for stream in streams], dim=1),
    )


def parted(tokens: Tokens, streams: Sequence[Tokens]) -> list[Tokens]:
    """Tokens (b, sum of k_i, d), as many as `streams` joined have, parted again."""
    sizes = [stream.mask.shape[1] for stream in streams]
    values, masks = tokens.values.split(sizes, dim=1), tokens.mask.split(sizes, dim=1)
    return [Tokens(v, m) for v, m in zip(values, masks, strict=True)]


def shares(weights: Tensor, streams: Sequence[Tokens]) -> tuple[Tensor, ...]:
    """Weights (b, sum of k_i) on joined streams, as weights (b, k_i) of each that sum to 1."""
    parts = weights.split([stream.mask.shape[1] for stream in streams], dim=1)
    return tuple(normalised(part, of.mask) for part, of in zip(parts, streams, strict=True))


def normalised(weights: Tensor, mask: Tensor) -> Tensor:
    """Weights (b, k) scaled to sum to 1 over `mask` (b, k); all 0 where a sample has no token."""
    kept = weights * mask
    tiny = torch.finfo(kept.dtype).tiny
    return kept / kept.sum(dim=1, keepdim=True).clamp(min=tiny)
