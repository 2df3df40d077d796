"""What a network sees of some samples: each modality as tokens, and which of them are there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """One modality of b samples.

    values: float (b, k, ...): k tokens a sample, padded; a token is a vector, or a picture
    (1, h, w) of bytes.
    mask: bool (b, k), true where a token is there. Hours, sentences and facts stand without gaps,
    padding behind them; tokens that have a place of their own (indicators, segments) may have gaps.
    """

    values: Tensor
    mask: Tensor

    @property
    def present(self) -> Tensor:
        """bool (b,): samples with any token."""
        return self.mask.any(dim=1)

    @property
    def lengths(self) -> Tensor:
        """int64 (b,): tokens of each sample."""
        return self.mask.sum(dim=1)

    def withheld(self) -> Tokens:
        """The same shape with no token in it."""
        return Tokens(torch.zeros_like(self.values), torch.zeros_like(self.mask))


@dataclass(frozen=True)
class Batch:
    """Modalities of the same b samples, under their names."""

    tokens: Mapping[str, Tokens]

    def __getitem__(self, modality: str) -> Tokens:
        return self.tokens[modality]

    def __len__(self) -> int:
        return len(next(iter(self.tokens.values())).mask)

    def without(self, modalities: Collection[str]) -> Batch:
        """The batch as if none of `modalities` had been recorded of any sample."""
        return Batch(
            {
                name: tokens.withheld() if name in modalities else tokens
                for name, tokens in self.tokens.items()
            }
        )
