"""Norms over the batch in the Multimodal Adaptation Gate of EMERGE.

The gate bounds a shift by a share of the norm of what is shifted. Taken over the whole batch, that
share is one number for all: who else is predicted at the same time changes a patient's prediction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fusehr.core.params.defects import DefectsParams, FusionParams
from fusehr.core.seeding import seed_of
from fusehr.evaluate.defects.rows import Comparison, Estimate, Row
from fusehr.models.networks.fitting import settle_torch
from fusehr.models.networks.fusion.mag import AdaptationGate

NAME = "batch_norms"
COMPARISON = Comparison(
    defect="norms over the batch in the adaptation gate",
    system="EMERGE",
    published="mag_published",
    repaired="mag",
    published_does="norms over all samples of the batch",
    repaired_does="norms over each sample's own vector",
)


class BatchGate(nn.Module):
    """The gate as EMERGE published it, its bound `beta` fixed: norms over batch and width at once.

    The shift is h = W (sigmoid(g [x; y]) y), and the result LayerNorm(x + min(1, beta |X| / |H|) h)
    with X and H all of the batch.
    """

    def __init__(self, d_model: int, *, beta: float) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * d_model, 1)
        self.shift = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.beta = beta

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """x, y (b, d) -> (b, d)."""
        shift = self.shift(torch.sigmoid(self.gate(torch.cat([x, y], dim=-1))) * y)
        bound = self.beta * torch.linalg.vector_norm(x) / torch.linalg.vector_norm(shift)  # ()
        return self.norm(x + bound.clamp(max=1.0) * shift)


class OwnGate(nn.Module):
    """The gate of this project's recipes, of two vectors."""

    def __init__(self, d_model: int, *, beta: float) -> None:
        super().__init__()
        self.gate = AdaptationGate(d_model, others=1, beta=beta, dropout=0.0)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """x, y (b, d) -> (b, d)."""
        return self.gate(x, [y])


def rows(params: DefectsParams) -> list[Row]:
    """How far a sample's output moves when the other samples of its batch are replaced."""
    settle_torch(threads=params.threads, seed=seed_of("defects", NAME, params.seed))
    of = params.fusion
    return COMPARISON.rows(
        "random vectors, random weights",
        "largest change of a sample's output when its neighbours are replaced",
        "0",
        published=_moved(BatchGate(of.d_model, beta=of.beta), of),
        repaired=_moved(OwnGate(of.d_model, beta=of.beta), of),
    )


@torch.no_grad()
def _moved(gate: nn.Module, of: FusionParams) -> Estimate:
    """Each sample in turn keeps its vectors, and all others get new ones."""
    x, y = torch.randn(2, of.samples, of.d_model)
    other_x, other_y = torch.randn(2, of.samples, of.d_model)
    before = gate(x, y)  # (b, d)
    moved = []
    for row in range(of.samples):
        itself = (torch.arange(of.samples) == row)[:, None]
        after = gate(torch.where(itself, x, other_x), torch.where(itself, y, other_y))
        moved.append((after[row] - before[row]).abs().max().item())
    return Estimate(max(moved), n=of.samples)
