"""One network for several tasks: what a modality tells is narrowed to a few numbers that all share.

Each modality has an encoder that ends in a bottleneck of a few units; the tasks differ in how they
weigh those alone. A finding in the notes is then learnt from every task that it matters to (hard
parameter sharing: Caruana, Machine Learning 1997), and a modality with many inputs cannot outweigh
one with few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.hiding import ModalityDropout
from fusehr.models.networks.pooling import AttentionPooling, LastStep

SERIES = "series"


@dataclass(frozen=True)
class Sizes:
    """Widths and dropout. bottleneck: of a modality's code; that of the series is wider.

    hidden_share: see hiding.ModalityDropout.
    """

    d_model: int
    heads: int
    bottleneck: int
    series_bottleneck: int
    dropout: float
    input_dropout: float
    hidden_share: float


class SeriesCode(nn.Module):
    """GRU over hours; its last state and an attention pool, narrowed."""

    def __init__(self, width: int, sizes: Sizes) -> None:
        super().__init__()
        self.gru = nn.GRU(width, sizes.d_model, batch_first=True)
        self.dropout = nn.Dropout(sizes.dropout)
        self.pool = AttentionPooling(sizes.d_model, heads=sizes.heads)
        self.last_step = LastStep()
        self.narrow = nn.Linear(2 * sizes.d_model, sizes.series_bottleneck)

    def forward(self, tokens: Tokens) -> Tensor:
        """Tokens (b, t, width) -> (b, series_bottleneck)."""
        states, _ = self.gru(tokens.values)
        states = self.dropout(states)  # (b, t, d)
        lengths = tokens.lengths.clamp(min=1)
        pooled = torch.cat([self.pool(states, lengths), self.last_step(states, lengths)], dim=1)
        return self.narrow(pooled)


class VectorCode(nn.Module):
    """A vector, the mean of a sample's tokens, through one hidden layer, narrowed."""

    def __init__(self, width: int, sizes: Sizes) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(sizes.input_dropout),
            nn.Linear(width, sizes.d_model),
            nn.GELU(),
            nn.Dropout(sizes.dropout),
            nn.Linear(sizes.d_model, sizes.bottleneck),
        )

    def forward(self, tokens: Tokens) -> Tensor:
        """Tokens (b, k, width) -> (b, bottleneck)."""
        count = tokens.mask.sum(dim=1, keepdim=True).clamp(min=1)
        return self.layers(tokens.values.sum(dim=1) / count)


class MultiTaskNetwork(nn.Module):
    """Codes of all modalities, weighed by each task; of `direct` modalities also the inputs.

    widths: of a token of each modality; classes: of each task. A modality that a sample lacks has a
    learned code.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        classes: Mapping[str, int],
        *,
        direct: tuple[str, ...],
        sizes: Sizes,
    ) -> None:
        super().__init__()
        self.hide = ModalityDropout(sizes.hidden_share)
        self.encoders = nn.ModuleDict()
        self.missing = nn.ParameterDict()
        total = 0
        for name, width in widths.items():
            code = sizes.series_bottleneck if name == SERIES else sizes.bottleneck
            of_kind = SeriesCode if name == SERIES else VectorCode
            self.encoders[name] = of_kind(width, sizes)
            self.missing[name] = nn.Parameter(torch.zeros(code))
            total += code
        self.last = nn.ModuleDict({task: nn.Linear(total, n) for task, n in classes.items()})
        self.direct = nn.ModuleDict(
            {
                task: nn.ModuleDict(
                    {
                        name: nn.Linear(widths[name], n, bias=False)
                        for name in direct
                        if name in widths
                    }
                )
                for task, n in classes.items()
            }
        )
        for of_task in self.direct.values():
            for layer in of_task.children():
                assert isinstance(layer, nn.Linear)
                nn.init.zeros_(layer.weight)

    def forward(self, batch: Batch, task: str) -> Tensor:
        """Logits (b, n_classes) of `task`."""
        batch = self.hide(batch)
        codes: list[Tensor] = []
        for name, encoder in self.encoders.items():
            tokens = batch[name]
            codes.append(torch.where(tokens.present[:, None], encoder(tokens), self.missing[name]))
        logits = self.last[task](torch.cat(codes, dim=1))
        direct = self.direct[task]
        assert isinstance(direct, nn.ModuleDict)
        for name, layer in direct.items():
            logits = logits + layer(batch[name].values.sum(dim=1))
        return logits
