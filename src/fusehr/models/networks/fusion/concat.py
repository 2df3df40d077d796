"""Late fusion: each stream read by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.streams import Fused, Read, reader


class ConcatFusion(nn.Module):
    """A linear layer of what is read of all streams; no token sees one of another stream.

    reads: how each stream becomes a vector, in the streams' order.
    """

    def __init__(self, d_model: int, *, reads: Sequence[Read], heads: int) -> None:
        super().__init__()
        self.readers = nn.ModuleList([reader(read, d_model, heads=heads) for read in reads])
        self.linear = nn.Linear(len(reads) * d_model, d_model)

    def forward(self, streams: Sequence[Tokens]) -> Fused:
        """Streams (b, k_i, d) -> vectors (b, d)."""
        read = [of(stream) for of, stream in zip(self.readers, streams, strict=True)]
        vectors = torch.cat([vector for vector, _ in read], dim=-1)  # (b, streams * d)
        return Fused(self.linear(vectors), tuple(weights for _, weights in read))
