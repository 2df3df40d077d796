"""The vitals branch of the multi-modal LSTM: LSTM, one vector a sample, a small head."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from fusehr.models.networks.batch import Batch
from fusehr.models.networks.pooling import AttentionPooling, LastStep

Pooling = Literal["last", "attention"]


class SeriesLSTM(nn.Module):
    """LSTM over hourly steps, pooled, then layers of `hidden` widths with ReLU and dropout.

    Steps behind a sample's length stand after its own, so they cannot reach its states.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        *,
        d_model: int,
        layers: int,
        heads: int,
        hidden: Sequence[int],
        dropout: float,
        pooling: Pooling,
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            n_inputs,
            d_model,
            layers,
            batch_first=True,
            dropout=dropout if layers > 1 else 0.0,  # between layers, so one layer has none
        )
        self.pool = LastStep() if pooling == "last" else AttentionPooling(d_model, heads=heads)
        self.head = mlp([d_model, *hidden], dropout=dropout)
        self.last = nn.Linear([d_model, *hidden][-1], n_outputs)

    def forward(self, batch: Batch) -> Tensor:
        """The batch's series, tokens (b, t, n_inputs) -> logits (b, n_outputs).

        A sample without any hour is taken as one hour at the train mean.
        """
        series = batch["series"]
        states, _ = self.lstm(series.values)  # (b, t, d_model)
        pooled = self.pool(states, series.lengths.clamp(min=1))  # (b, t, d_model) -> (b, d_model)
        return self.last(self.head(pooled))  # (b, d_model) -> (b, n_outputs)


def mlp(widths: Sequence[int], *, dropout: float) -> nn.Sequential:
    """Linear layers from each width to the next, with ReLU and dropout behind each."""
    layers: list[nn.Module] = []
    for d_in, d_out in pairwise(widths):
        layers += [nn.Linear(d_in, d_out), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers)
