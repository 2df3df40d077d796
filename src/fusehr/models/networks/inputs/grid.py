"""Tokens at fixed places: place k of a sample holds one token of a shared table, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fusehr.models.networks.batch import Tokens

CONSTANT = 1e-6  # a standard deviation below this is rounding


@dataclass(frozen=True)
class TokenGrid:
    """Where a token stands says what it is of, so places are kept and may be empty in between.

    table: float32 (m, width), distinct tokens; index: int64 (n_samples, k), rows of `table`, -1
    where there is none. by_place: each place has a mean and a scale of its own.
    """

    table: np.ndarray
    index: np.ndarray
    by_place: bool

    @property
    def present(self) -> np.ndarray:
        """bool (n_samples,): samples with any token."""
        return np.any(self.index >= 0, axis=1)

    def fit(self, train: np.ndarray) -> FittedGrid:
        """Standardised by the tokens of the rows `train`, each as often as it stands there.

        Vectors of texts that differ in a number alone are almost the same; how they differ is what
        there is to read. Entries that are always the same keep their unit: scale 1.
        """
        mean, std = self.moments(train)
        return self.scaled(mean, np.where(std > 0, std, 1.0))

    def moments(self, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the tokens of the rows `train`, float64 (k or 1, width).

        Deviation is 0 where it is rounding; both are 0 of a place that has no token.
        """
        index = self.index[train]  # (n_train, k)
        groups = list(index.T) if self.by_place else [index.ravel()]
        mean = np.zeros((len(groups), self.table.shape[1]))
        std = np.zeros_like(mean)
        for group, tokens in enumerate(groups):
            if (tokens >= 0).any():
                times = np.bincount(tokens[tokens >= 0])
                used = np.flatnonzero(times)
                values, share = self.table[used].astype(np.float64), times[used] / times.sum()
                mean[group] = share @ values
                std[group] = np.sqrt(share @ (values - mean[group]) ** 2)
        std[std < CONSTANT] = 0.0
        return mean, std

    def scaled(self, mean: np.ndarray, scale: np.ndarray) -> FittedGrid:
        """With tokens given out as (token - mean) / scale; both (k or 1, width)."""
        arrays = (self.table, self.index, mean.astype(np.float32), scale.astype(np.float32))
        return FittedGrid(*map(torch.from_numpy, arrays))


@dataclass(frozen=True)
class FittedGrid:
    """A TokenGrid with mean and scale, float32 (k or 1, width)."""

    table: Tensor
    index: Tensor
    mean: Tensor
    std: Tensor

    @property
    def width(self) -> int:
        """Size of a token."""
        return self.table.shape[1]

    @property
    def lengths(self) -> Tensor:
        """int64 (n_samples,): tokens of each sample."""
        return (self.index >= 0).sum(dim=1)

    def batch(self, rows: Tensor) -> Tokens:
        """All k places of the samples at `rows`, zero where there is no token."""
        index = self.index[rows]  # (b, k)
        mask = index >= 0
        values = (self.table[index.clamp(min=0)] - self.mean) / self.std  # (b, k, width)
        return Tokens(values * mask[..., None], mask)

    def state(self) -> Mapping[str, Tensor]:
        """Mean and scale."""
        return {"mean": self.mean, "std": self.std}


def token_grid(
    table: np.ndarray,
    sample_row: np.ndarray,
    place: np.ndarray,
    token: np.ndarray,
    *,
    shape: tuple[int, int],
    by_place: bool,
) -> TokenGrid:
    """From triples (sample_row, place, token), token a row of `table`; shape: (n_samples, k)."""
    index = np.full(shape, -1, dtype=np.int64)
    index[sample_row, place] = token
    return TokenGrid(table, index, by_place)
