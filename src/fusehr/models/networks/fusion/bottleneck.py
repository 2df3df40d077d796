"""Fusion through a few shared tokens (Nagrani et al., NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import repeat
from torch import nn

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.attention import SelfAttentionBlock, through
from fusehr.models.networks.fusion.concat import ConcatFusion
from fusehr.models.networks.fusion.streams import Fused, Read, joined, normalised


class BottleneckFusion(nn.Module):
    """Streams with a transformer each; what passes from one to another must go through a few
    tokens that all of them see, and whose states are averaged over the streams in each layer.

    Cheaper than attention among all tokens, and noise of one stream does not flood another. With a
    single layer nothing crosses, so there are two at least. reads: how each stream becomes a
    vector, in the streams' order.
    """

    def __init__(
        self,
        d_model: int,
        *,
        reads: Sequence[Read],
        heads: int,
        layers: int,
        bottlenecks: int,
        dropout: float,
    ) -> None:
        super().__init__()
        if layers < 2:
            raise ValueError(f"layers: expected 2 or more, found {layers}")
        self.bottleneck = nn.Parameter(torch.randn(bottlenecks, d_model) * d_model**-0.5)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [SelfAttentionBlock(d_model, heads=heads, dropout=dropout) for _ in reads]
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.late = ConcatFusion(d_model, reads=reads, heads=heads)

    def forward(self, streams: Sequence[Tokens]) -> Fused:
        """Streams (b, k_i, d) -> vectors (b, d); weights by rollout within each stream."""
        b, m = len(streams[0].mask), len(self.bottleneck)
        shared = repeat(self.bottleneck, "m d -> b m d", b=b)
        always = torch.ones(b, m, dtype=torch.bool, device=shared.device)
        seen = []
        for blocks in self.blocks:
            assert isinstance(blocks, nn.ModuleList)
            passed = [
                block(joined([Tokens(shared, always), stream]))  # (b, m + k_i, d)
                for block, stream in zip(blocks, streams, strict=True)
            ]
            shared = torch.stack([tokens.values[:, :m] for tokens, _ in passed]).mean(dim=0)
            streams = [Tokens(tokens.values[:, m:], tokens.mask[:, m:]) for tokens, _ in passed]
            seen.append([attention[:, m:, m:] for _, attention in passed])
        fused = self.late([Tokens(self.norm(stream.values), stream.mask) for stream in streams])
        own = list(fused.weights)
        for of_layer in reversed(seen):
            own = [through(weights, a) for weights, a in zip(own, of_layer, strict=True)]
        weights = [normalised(w, stream.mask) for w, stream in zip(own, streams, strict=True)]
        return Fused(fused.vector, tuple(weights))
