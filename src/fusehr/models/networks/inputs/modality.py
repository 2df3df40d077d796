"""One modality of all samples of a task: read once, fitted on train rows, given out in batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fusehr.models.networks.batch import Batch, Tokens


class Fitted(Protocol):
    """A modality in the form in which a network sees it."""

    @property
    def width(self) -> int:
        """Size of a token's last dimension."""
        ...

    @property
    def lengths(self) -> Tensor:
        """int64 (n_samples,): tokens of each sample."""
        ...

    def batch(self, rows: Tensor) -> Tokens:
        """Tokens of the samples at `rows`, int64 (b,)."""
        ...

    def state(self) -> Mapping[str, Tensor]:
        """What was fitted, to be saved beside a network's weights."""
        ...


class Modality(Protocol):
    """A modality as it was recorded; nothing in it is fitted."""

    @property
    def present(self) -> np.ndarray:
        """bool (n_samples,): samples of which anything was recorded."""
        ...

    def fit(self, train: np.ndarray) -> Fitted:
        """With whatever must be learnt from the rows `train` alone."""
        ...


@dataclass(frozen=True)
class RaggedTokens:
    """Tokens that many samples share: sample i has those at index[offsets[i]:offsets[i + 1]].

    table: float (m, ...), distinct tokens; index: int64 (total,); offsets: int64 (n_samples + 1,).
    Nothing is fitted, so it is its own fitted form.
    """

    table: Tensor
    index: Tensor
    offsets: Tensor

    @property
    def width(self) -> int:
        """Size of a token's last dimension."""
        return self.table.shape[-1]

    @property
    def lengths(self) -> Tensor:
        """int64 (n_samples,): tokens of each sample."""
        return self.offsets.diff()

    @property
    def present(self) -> np.ndarray:
        """bool (n_samples,): samples with any token."""
        return (self.lengths > 0).numpy()

    def fit(self, train: np.ndarray) -> RaggedTokens:
        """Itself."""
        return self

    def batch(self, rows: Tensor) -> Tokens:
        """Tokens padded to the longest of `rows`, one at least."""
        first = self.offsets[rows]
        lengths = self.offsets[rows + 1] - first  # (b,)
        place = torch.arange(max(int(lengths.max()), 1))  # (k,)
        mask = place < lengths[:, None]  # (b, k)
        if not len(self.index):
            shape = (*mask.shape, *self.table.shape[1:])
            return Tokens(torch.zeros(shape, dtype=self.table.dtype), mask)
        where = torch.where(mask, first[:, None] + place, 0)
        shape = (*mask.shape, *[1] * (self.table.dim() - 1))
        # a gather of whole rows, several times as fast as the same by a matrix of indices
        values = self.table.index_select(0, self.index[where].view(-1))
        return Tokens(values.view(*mask.shape, *self.table.shape[1:]) * mask.view(shape), mask)

    def state(self) -> Mapping[str, Tensor]:
        """Nothing."""
        return {}


def ragged(table: np.ndarray, sample_row: np.ndarray, token: np.ndarray, *, n: int) -> RaggedTokens:
    """Tokens from pairs (sample_row, token), ordered by sample_row; token: row of `table`."""
    offsets = np.searchsorted(sample_row, np.arange(n + 1))
    return RaggedTokens(
        torch.from_numpy(table),
        torch.from_numpy(token.astype(np.int64)),
        torch.from_numpy(offsets.astype(np.int64)),
    )


@dataclass(frozen=True)
class FittedInputs:
    """All modalities of all samples of a task, fitted in one round."""

    modalities: Mapping[str, Fitted]
    labels: Tensor = field(repr=False)  # float32 (n_samples, n_classes)

    @property
    def widths(self) -> dict[str, int]:
        """Width of a token of each modality."""
        return {name: modality.width for name, modality in self.modalities.items()}

    @property
    def lengths(self) -> Tensor:
        """int64 (n_samples,): tokens of all modalities together, what a sample costs."""
        return torch.stack([modality.lengths for modality in self.modalities.values()]).sum(dim=0)

    def batch(self, rows: Tensor) -> Batch:
        """The samples at `rows`, int64 (b,)."""
        return Batch({name: modality.batch(rows) for name, modality in self.modalities.items()})

    def state(self) -> dict[str, Tensor]:
        """What was fitted, as `<modality>.<name>`."""
        return {
            f"{name}.{key}": value
            for name, modality in self.modalities.items()
            for key, value in modality.state().items()
        }
