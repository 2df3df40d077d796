"""Attention over masked tokens, and the pre-norm block built of it."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from torch import Tensor, nn

from fusehr.models.networks.batch import Tokens


class Attention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al., 2017).

    Written out, as its weights are asked for; d_model is a multiple of heads.
    """

    def __init__(self, d_model: int, *, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.queries = nn.Linear(d_model, d_model)
        self.keys_values = nn.Linear(d_model, 2 * d_model)
        self.out = nn.Linear(d_model, d_model)

    def forward(self, queries: Tensor, context: Tokens) -> tuple[Tensor, Tensor]:
        """Queries (b, q, d), context (b, k, d) -> attended (b, q, d), weights (b, q, k).

        Each sample's context has one token at least. Weights are means over heads: 0 at padding,
        over the context they sum to 1. Of a context of one token they are 1 whatever the query, so
        that nothing of the query reaches what is attended.
        """
        q = rearrange(self.queries(queries), "b q (h c) -> b h q c", h=self.heads)
        keys, values = self.keys_values(context.values).chunk(2, dim=-1)  # (b, k, d) each
        keys = rearrange(keys, "b k (h c) -> b h k c", h=self.heads)
        values = rearrange(values, "b k (h c) -> b h k c", h=self.heads)
        scores = einsum(q * q.shape[-1] ** -0.5, keys, "b h q c, b h k c -> b h q k")
        padding = rearrange(~context.mask, "b k -> b 1 1 k")
        weights = scores.masked_fill(padding, -torch.inf).softmax(dim=-1)  # (b, h, q, k)
        attended = einsum(weights, values, "b h q k, b h k c -> b h q c")
        return self.out(rearrange(attended, "b h q c -> b q (h c)")), weights.mean(dim=1)

    def of_vectors(self, queries: Tensor, context: Tokens) -> tuple[Tensor, Tensor]:
        """Queries (b, d), context (b, k, d) -> attended (b, d), weights (b, k).

        What `forward` gives of one query a sample, at a small part of its cost: the query is taken
        to where the tokens are, and values are projected when they are mixed, so that no token is
        projected. The keys' bias adds the same to all scores of a query and drops out.
        """
        weight, bias = self.keys_values.weight, self.keys_values.bias
        of_keys, of_values = rearrange(weight, "(two h c) d -> two h c d", two=2, h=self.heads)
        q = rearrange(self.queries(queries), "b (h c) -> b h c", h=self.heads)
        q = einsum(q * q.shape[-1] ** -0.5, of_keys, "b h c, h c d -> b h d")
        scores = einsum(q, context.values, "b h d, b k d -> b h k")
        padding = rearrange(~context.mask, "b k -> b 1 k")
        weights = scores.masked_fill(padding, -torch.inf).softmax(dim=-1)  # (b, h, k)
        mixed = einsum(weights, context.values, "b h k, b k d -> b h d")
        attended = einsum(mixed, of_values, "b h d, h c d -> b h c")
        attended = rearrange(attended, "b h c -> b (h c)") + bias.chunk(2)[1]
        return self.out(attended), weights.mean(dim=1)


class SelfAttentionBlock(nn.Module):
    """A transformer layer with the norms before its two parts (Xiong et al., 2020), and GELU."""

    def __init__(self, d_model: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.attention = Attention(d_model, heads=heads)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, 2 * d_model),
            nn.GELU(),
            nn.Linear(2 * d_model, d_model),
            nn.Dropout(dropout),
        )

    def forward(self, tokens: Tokens) -> tuple[Tokens, Tensor]:
        """Tokens (b, k, d) -> tokens (b, k, d), 0 at padding, and weights (b, k, k)."""
        normed = self.norm(tokens.values)
        attended, weights = self.attention(normed, Tokens(normed, tokens.mask))
        states = tokens.values + self.dropout(attended)
        states = states + self.feed_forward(states)
        return Tokens(states * rearrange(tokens.mask, "b k -> b k 1"), tokens.mask), weights


def through(weights: Tensor, attention: Tensor) -> Tensor:
    """Weights (b, q) on what a residual layer gave, as weights (b, q) on what it took.

    attention: (b, q, q), the layer's own weights. Half goes by the residual path, half by the
    attended one: one step of attention rollout (Abnar and Zuidema, 2020).
    """
    return (weights + einsum(weights, attention, "b q, b q k -> b k")) / 2
