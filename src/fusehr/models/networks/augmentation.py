"""Random changes of pictures while a network trains, by kornia, a draw of its own for each."""

from __future__ import annotations

from typing import Any

from kornia import augmentation as kornia
from torch import Tensor, nn

from fusehr.core.params.images import AugmentationParams


class Augmentation(nn.Module):
    """Mirror, shift, turn, brighten, blur; the identity in evaluation mode.

    Only what the parameters ask for is there. A shift is cut from the picture padded by its border,
    which is a slice: the general affine map interpolates, and takes five times as long.
    """

    def __init__(self, params: AugmentationParams) -> None:
        super().__init__()
        self.shift = params.shift
        changes: list[Any] = []
        if params.flip:
            changes.append(kornia.RandomHorizontalFlip(p=0.5))
        if params.rotation:
            changes.append(kornia.RandomRotation(params.rotation))
        for change, reach in (
            (kornia.RandomBrightness, params.brightness),
            (kornia.RandomContrast, params.contrast),
        ):
            if reach:
                changes.append(change((1 - reach, 1 + reach), clip_output=False))
        if params.blur:
            changes.append(kornia.RandomGaussianBlur((3, 3), (0.1, 1.0), p=params.blur))
        # a tuple hides them from the state that is saved: nothing in them is learnt
        self.changes = tuple(changes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures float (n, 1, h, w), brightness 0 to 1 -> the same shape."""
        if not self.training or not len(pictures):
            return pictures
        if self.shift:
            size = (pictures.shape[-2], pictures.shape[-1])
            crop = kornia.RandomCrop(size, padding=self.shift, padding_mode="replicate")
            pictures = crop(pictures)
        for change in self.changes:
            pictures = change(pictures)
        return pictures
