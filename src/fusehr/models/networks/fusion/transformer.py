"""One transformer over the tokens of all streams."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.attention import SelfAttentionBlock, through
from fusehr.models.networks.fusion.concat import ConcatFusion
from fusehr.models.networks.fusion.streams import Fused, Read, joined, parted, shares


class TransformerFusion(nn.Module):
    """Self-attention over all tokens at once, each marked with its stream; then late fusion.

    The single-stream fusion of multimodal transformers (e.g. UNITER, Chen et al., ECCV 2020).
    reads: how each stream becomes a vector, in the streams' order.
    """

    def __init__(
        self, d_model: int, *, reads: Sequence[Read], heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.stream = nn.Parameter(torch.randn(len(reads), d_model) * d_model**-0.5)
        self.blocks = nn.ModuleList(
            [SelfAttentionBlock(d_model, heads=heads, dropout=dropout) for _ in range(layers)]
        )
        self.norm = nn.LayerNorm(d_model)
        self.late = ConcatFusion(d_model, reads=reads, heads=heads)

    def forward(self, streams: Sequence[Tokens]) -> Fused:
        """Streams (b, k_i, d) -> vectors (b, d); weights by rollout through the layers."""
        marked = [
            Tokens(stream.values + mark, stream.mask)
            for stream, mark in zip(streams, self.stream, strict=True)
        ]
        tokens = joined(marked)
        seen = []
        for block in self.blocks:
            tokens, attention = block(tokens)  # (b, k, d), (b, k, k)
            seen.append(attention)
        fused = self.late(parted(Tokens(self.norm(tokens.values), tokens.mask), streams))
        weights = torch.cat(fused.weights, dim=1)
        for attention in reversed(seen):
            weights = through(weights, attention)
        return Fused(fused.vector, shares(weights, streams))
