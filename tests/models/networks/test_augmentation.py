"""Pictures change at random while a network trains, and never else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from fusehr.core.params.images import AugmentationParams
from fusehr.models.networks.augmentation import Augmentation

NONE: dict[str, Any] = {
    "flip": False,
    "shift": 0,
    "rotation": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "blur": 0.0,
}
EACH = [
    {"flip": True},
    {"shift": 3},
    {"rotation": 20.0},
    {"brightness": 0.3},
    {"contrast": 0.3},
    {"blur": 1.0},
]


def augmentation(**changes: Any) -> Augmentation:
    return Augmentation(AugmentationParams(**{**NONE, **changes}))


def pictures(n: int = 8) -> Tensor:
    return torch.rand(n, 1, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("change", EACH, ids=lambda change: next(iter(change)))
def test_each_change_is_made_in_training_and_never_in_evaluation(change: dict[str, Any]) -> None:
    module, before = augmentation(**change), pictures()
    torch.manual_seed(0)
    after = module.train()(before)
    assert after.shape == before.shape
    assert not torch.equal(after, before)
    assert torch.equal(module.eval()(before), before)


def test_without_any_change_pictures_stay_as_they_are() -> None:
    before = pictures()
    assert torch.equal(augmentation().train()(before), before)


def test_a_mirrored_picture_is_the_picture_or_its_mirror_image() -> None:
    torch.manual_seed(0)
    before = pictures(32)
    after = augmentation(flip=True).train()(before)
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(after, before, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(after, before, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 6 < sum(mirrored) < 26


def test_pictures_of_one_batch_are_shifted_each_by_its_own() -> None:
    torch.manual_seed(0)
    before = pictures(1).expand(16, 1, 12, 12)
    after = augmentation(shift=3).train()(before)
    assert len({picture.numpy().tobytes() for picture in after}) > 4
    # what is cut out lies within the reach: the middle of the one stands in the other
    middle = before[0, 0, 3:9, 3:9]
    for picture in after[:, 0]:
        windows = picture.unfold(0, 6, 1).unfold(1, 6, 1)  # (7, 7, 6, 6)
        assert (windows == middle).all(dim=(2, 3)).any()


def test_equal_seeds_make_equal_changes() -> None:
    module = augmentation(flip=True, shift=3, rotation=5.0, brightness=0.1, contrast=0.1, blur=0.5)
    assert not module.state_dict()
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(module.train()(pictures()))
    assert torch.equal(*made)
