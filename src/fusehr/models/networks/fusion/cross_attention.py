"""Cross-attention over tokens: what is read of each stream asks the others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.attention import Attention
from fusehr.models.networks.fusion.streams import Fused, Read, joined, reader, shares


class CrossAttentionFusion(nn.Module):
    """Each stream, read as a vector, attends to the tokens of all others; pre-norm, with a
    residual, and a linear layer of all. Of two streams this is EMERGE's cross-attention both ways
    (Zhu et al., CIKM 2024).

    reads: how each stream becomes a vector, in the streams' order.

    Over a stream of a single token attention is a constant map: what a vector gets is the same,
    whatever it asks. So a stream is to be given as its tokens, not as a vector. (That every token
    of a stream asks, and not one vector, is what fusion.transformer does.)
    """

    def __init__(self, d_model: int, *, reads: Sequence[Read], heads: int, dropout: float) -> None:
        super().__init__()
        n = len(reads)
        self.readers = nn.ModuleList([reader(read, d_model, heads=heads) for read in reads])
        self.asking_norms = nn.ModuleList([nn.LayerNorm(d_model) for _ in range(n)])
        self.asked_norms = nn.ModuleList([nn.LayerNorm(d_model) for _ in range(n)])
        self.attentions = nn.ModuleList([Attention(d_model, heads=heads) for _ in range(n)])
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(n * d_model, d_model)

    def forward(self, streams: Sequence[Tokens]) -> Fused:
        """Two or more streams (b, k_i, d) -> vectors (b, d).

        Weights of a token: half what the reading of its own stream gives it, half what the others
        attended to it.
        """
        read = [of(stream) for of, stream in zip(self.readers, streams, strict=True)]
        vectors = [vector for vector, _ in read]
        seen = self.attended(vectors, streams)
        moved = [
            vector + self.dropout(attended)
            for vector, (attended, _) in zip(vectors, seen, strict=True)
        ]
        given: list[list[Tensor]] = [[] for _ in streams]
        for k, (_, weights) in enumerate(seen):
            others = [j for j in range(len(streams)) if j != k]
            of_each = shares(weights, [streams[j] for j in others])
            for j, of_one in zip(others, of_each, strict=True):
                given[j].append(of_one)
        weights = tuple(
            (own + torch.stack(of_others).mean(dim=0)) / 2
            for (_, own), of_others in zip(read, given, strict=True)
        )
        return Fused(self.linear(torch.cat(moved, dim=-1)), weights)

    def attended(
        self, vectors: Sequence[Tensor], streams: Sequence[Tokens]
    ) -> list[tuple[Tensor, Tensor]]:
        """For each stream, what its vector (b, d) gets of the others' tokens, (b, d), and the
        weights (b, sum of the others' k)."""
        asked = [
            Tokens(norm(stream.values), stream.mask)
            for norm, stream in zip(self.asked_norms, streams, strict=True)
        ]
        seen = []
        for k, attention in enumerate(self.attentions):
            assert isinstance(attention, Attention)
            context = joined([stream for j, stream in enumerate(asked) if j != k])
            seen.append(attention.of_vectors(self.asking_norms[k](vectors[k]), context))
        return seen
