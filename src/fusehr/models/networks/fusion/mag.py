"""The Multimodal Adaptation Gate, with the norms of each vector on its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.streams import Fused, Read, reader

EPS = 1e-6  # keeps the share finite where nothing is shifted


class AdaptationGate(nn.Module):
    """A vector shifted by what others say of it (Rahman et al., ACL 2020, eq. 1 to 5).

    The shift is h = sum_i relu(G_i [x; y_i]) * (W_i y_i) and the result is
    LayerNorm(x + min(1, beta |x| / |h|) h), so that beta bounds the shift as a share of x. Both
    norms are over the width alone: taken over the batch, a sample's prediction would depend on its
    neighbours.
    """

    def __init__(self, d_model: int, *, others: int, beta: float, dropout: float) -> None:
        super().__init__()
        self.gates = nn.ModuleList([nn.Linear(2 * d_model, d_model) for _ in range(others)])
        self.shifts = nn.ModuleList([nn.Linear(d_model, d_model) for _ in range(others)])
        self.norm = nn.LayerNorm(d_model)
        self.beta = beta
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, others: Sequence[Tensor]) -> Tensor:
        """x (..., d), others: each (..., d), broadcast to x -> (..., d)."""
        shift = torch.zeros_like(x)
        for gate, move, y in zip(self.gates, self.shifts, others, strict=True):
            y = y.expand_as(x)
            shift = shift + torch.relu(gate(torch.cat([x, y], dim=-1))) * move(y)
        of_x = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        of_shift = torch.linalg.vector_norm(shift, dim=-1, keepdim=True)
        scale = (self.beta * of_x / (of_shift + EPS)).clamp(max=1.0)  # (..., 1)
        return self.dropout(self.norm(x + scale * shift))


class MagFusion(nn.Module):
    """The first stream's tokens shifted by what is read of the other streams, then read.

    reads: how each stream becomes a vector, in the streams' order.
    """

    def __init__(
        self, d_model: int, *, reads: Sequence[Read], heads: int, beta: float, dropout: float
    ) -> None:
        super().__init__()
        self.readers = nn.ModuleList([reader(read, d_model, heads=heads) for read in reads])
        self.gate = AdaptationGate(d_model, others=len(reads) - 1, beta=beta, dropout=dropout)

    def forward(self, streams: Sequence[Tokens]) -> Fused:
        """Streams (b, k_i, d) -> vectors (b, d)."""
        first, *rest = streams
        read_first, *read_rest = self.readers
        read = [of(stream) for of, stream in zip(read_rest, rest, strict=True)]
        shifted = self.gate(first.values, [vector[:, None] for vector, _ in read])  # (b, k, d)
        vector, weights = read_first(Tokens(shifted, first.mask))
        return Fused(vector, (weights, *(of_rest for _, of_rest in read)))
