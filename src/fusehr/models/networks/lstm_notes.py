"""The multi-modal LSTM: an LSTM over hourly vitals, a small network over the newest note."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fusehr.models.networks.batch import Batch
from fusehr.models.networks.hiding import ModalityDropout
from fusehr.models.networks.lstm import mlp
from fusehr.models.networks.pooling import LastStep
from fusehr.models.networks.projectors import Missing
from fusehr.models.networks.series_encoders import series_encoder


class SeriesBranch(nn.Module):
    """LSTM, its last valid step, layers of `hidden` widths with ReLU and dropout.

    A sample without a series has a learned vector.
    """

    def __init__(
        self, width: int, *, d_model: int, layers: int, hidden: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        # heads are those of another kind of encoder
        self.encoder = series_encoder(
            "lstm", width, d_model, heads=1, layers=layers, dropout=dropout
        )
        self.pool = LastStep()
        self.head = mlp([d_model, *hidden], dropout=dropout)
        self.width = [d_model, *hidden][-1]
        self.missing = Missing(self.width)

    def forward(self, batch: Batch) -> Tensor:
        """The batch's series, tokens (b, t, width) -> (b, d)."""
        series = batch["series"]
        states = self.encoder(series)  # (b, t, d_model)
        vector = self.head(self.pool(states, series.lengths.clamp(min=1)))
        return self.missing.pooled(vector, series.present)


class NotesBranch(nn.Module):
    """Layers of `hidden` widths, with ReLU and dropout, over the single token that a note is.

    A sample without a note has a learned vector.
    """

    def __init__(self, width: int, *, hidden: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.head = mlp([width, *hidden], dropout=dropout)
        self.width = [width, *hidden][-1]
        self.missing = Missing(self.width)

    def forward(self, batch: Batch) -> Tensor:
        """The batch's notes, tokens (b, 1, width) -> (b, d)."""
        notes = batch["notes"]
        return self.missing.pooled(self.head(notes.values[:, 0]), notes.present)


class BranchNetwork(nn.Module):
    """Branches side by side, layers of `hidden` widths with ReLU and dropout, and `last`.

    One branch and no layers is the branch by itself. hidden_share: see ModalityDropout.
    """

    def __init__(
        self,
        branches: Sequence[SeriesBranch | NotesBranch],
        n_classes: int,
        *,
        hidden: Sequence[int],
        dropout: float,
        hidden_share: float,
    ) -> None:
        super().__init__()
        self.hide = ModalityDropout(hidden_share)
        self.branches = nn.ModuleList(branches)
        widths = [sum(branch.width for branch in branches), *hidden]
        self.head = mlp(widths, dropout=dropout)
        self.last = nn.Linear(widths[-1], n_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Both modalities -> logits (b, n_classes)."""
        batch = self.hide(batch)
        vectors = [branch(batch) for branch in self.branches]
        return self.last(self.head(torch.cat(vectors, dim=1)))
