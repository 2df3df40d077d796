"""Hide a modality of some training samples, so that a network learns to do without it."""

from __future__ import annotations

import torch
from torch import nn

from fusehr.models.networks.batch import Batch, Tokens


class ModalityDropout(nn.Module):
    """In training, each sample loses one of its modalities with probability `share` (ModDrop).

    What stands in for a missing modality is learnt even where every training sample has them all. A
    sample never loses its only one. Nothing is hidden in prediction.

    References
    ----------
    Neverova et al., ModDrop: adaptive multi-modal gesture recognition, IEEE TPAMI 38, 2016.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, batch: Batch) -> Batch:
        """The batch, in training with one modality of some samples withheld."""
        if not self.training or not self.share:
            return batch
        present = torch.stack([tokens.present for tokens in batch.tokens.values()])  # (of, b)
        losing = (torch.rand(len(batch)) < self.share) & (present.sum(dim=0) > 1)
        lost = torch.where(present, torch.rand(present.shape), -1).argmax(dim=0)  # (b,)
        return Batch(
            {
                name: _kept(tokens, ~(losing & (lost == place)))
                for place, (name, tokens) in enumerate(batch.tokens.items())
            }
        )


def _kept(tokens: Tokens, keep: torch.Tensor) -> Tokens:
    """Tokens of the samples where keep (b,), none of the others."""
    shape = (len(keep), *[1] * (tokens.values.dim() - 1))
    return Tokens(tokens.values * keep.view(shape), tokens.mask & keep[:, None])
