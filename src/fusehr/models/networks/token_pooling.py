"""One vector of a text's hidden states."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from fusehr.models.text.pretrained import Pooling


def pooled(hidden: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """Hidden states (b, l, d) -> (b, d) in float32: the mean of a text's own tokens, or one token.

    mask: (b, l), true at a text's own tokens, which come first.
    """
    hidden = hidden.float()
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "last":
        last = mask.sum(dim=1).clamp(min=1) - 1
        return hidden[torch.arange(len(hidden), device=hidden.device), last]
    return torch.einsum("bl,bld->bd", share(mask), hidden)


def share(mask: Tensor) -> Tensor:
    """(b, l): each of a text's own tokens' part in a mean over them."""
    kept = mask.float()
    return kept / rearrange(kept.sum(dim=1).clamp(min=1), "b -> b 1")
