"""A modality is hidden in training alone, never the only one, and of the share that was asked."""

from __future__ import annotations

import torch

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.hiding import ModalityDropout

N = 2000


def batch() -> Batch:
    """Of N samples, of which the first half have both modalities, the others notes alone."""
    mask = torch.ones(N, 2, dtype=torch.bool)
    series = mask & (torch.arange(N) < N // 2)[:, None]
    return Batch(
        {
            "series": Tokens(torch.ones(N, 2, 3) * series[..., None], series),
            "notes": Tokens(torch.ones(N, 2, 3), mask),
        }
    )


def test_nothing_is_hidden_in_prediction() -> None:
    given = batch()
    assert ModalityDropout(0.5).eval()(given) is given


def test_a_share_of_the_samples_lose_one_of_their_modalities() -> None:
    torch.manual_seed(0)
    given = batch()
    found = ModalityDropout(0.4).train()(given)
    both = slice(0, N // 2)
    lost = {name: ~found[name].present[both] for name in ("series", "notes")}
    assert not (lost["series"] & lost["notes"]).any()
    for of_one in lost.values():
        assert abs(of_one.float().mean() - 0.2) < 0.04
    # values go with the mask
    for name in ("series", "notes"):
        assert torch.equal(found[name].values.any(dim=2), found[name].mask)
    # the others have a single modality, and keep it
    assert found["notes"].present[N // 2 :].all() and not found["series"].present[N // 2 :].any()
