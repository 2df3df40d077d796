"""Attributions add up, ignore what is not there, and find what was planted."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fusehr.core.params.images import AugmentationParams, ResNetParams
from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.explain import grad_cam, integrated_gradients
from fusehr.models.networks.image_encoder import FindingsNet, small_resnet

PLAIN = AugmentationParams(
    flip=False, shift=0, rotation=0.0, brightness=0.0, contrast=0.0, blur=0.0
)


class Pooled(nn.Module):
    """Tokens normalised, through a layer, averaged over those that are there; two modalities."""

    def __init__(self, width: int = 5) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 8), nn.Tanh())
        self.second = nn.Sequential(nn.Linear(width, 8), nn.ReLU())
        self.last = nn.Linear(16, 3)

    def forward(self, batch: Batch) -> Tensor:
        parts = []
        for name, layer in (("a", self.first), ("b", self.second)):
            tokens = batch[name]
            states = layer(tokens.values) * tokens.mask[..., None]
            parts.append(states.sum(dim=1) / tokens.lengths.clamp(min=1)[:, None])
        return self.last(torch.cat(parts, dim=1))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """On networks this small threads only wait for each other."""
    torch.set_num_threads(1)


def tokens(lengths: list[int], k: int, *, seed: int) -> Tokens:
    drawn = torch.randn(len(lengths), k, 5, generator=torch.Generator().manual_seed(seed))
    mask = torch.arange(k) < torch.tensor(lengths)[:, None]
    return Tokens(drawn * mask[..., None], mask)


def network(seed: int = 0) -> Pooled:
    torch.manual_seed(seed)
    return Pooled()


def at_zero(batch: Batch) -> Batch:
    return Batch({n: Tokens(torch.zeros_like(t.values), t.mask) for n, t in batch.tokens.items()})


@settings(max_examples=12)
@given(
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    seed=st.integers(0, 100),
    index=st.integers(0, 2),
)
def test_attributions_sum_to_the_difference_of_logits(
    lengths: list[int], seed: int, index: int
) -> None:
    module = network(seed)
    batch = Batch({"a": tokens(lengths, 4, seed=seed), "b": tokens(lengths[::-1], 6, seed=seed)})
    given_ = integrated_gradients(module, batch, index, 64)
    total = torch.stack([values.sum(dim=1) for values in given_.values()]).sum(dim=0)
    with torch.no_grad():
        expected = (module(batch) - module(at_zero(batch)))[:, index]
    torch.testing.assert_close(total, expected, atol=1e-2, rtol=1e-2)
    for name, values in given_.items():
        assert values.shape == batch[name].mask.shape
        assert not values[~batch[name].mask].any()


def test_a_modality_that_the_network_does_not_read_gets_nothing() -> None:
    batch = Batch({name: tokens([2, 3], 3, seed=k) for k, name in enumerate("abc")})
    found = integrated_gradients(network(), batch, 1, 8)
    assert not found["c"].any() and found["a"].any() and found["b"].any()


def test_parameters_keep_no_gradient_and_training_is_left() -> None:
    module = network().train()
    integrated_gradients(module, Batch({n: tokens([2], 2, seed=1) for n in "ab"}), 0, 4)
    assert all(parameter.grad is None for parameter in module.parameters())
    assert not module.training


def planted(n: int, size: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    """Noise with a bright blob in half of the pictures: pixels, labels, corners of the blobs."""
    drawn = torch.Generator().manual_seed(4)
    pixels = 80 + 15 * torch.randn(n, 1, size, size, generator=drawn)
    corners = torch.randint(0, size - 10, (n, 2), generator=drawn)
    labels = torch.arange(n) % 2
    for row in labels.nonzero()[:, 0].tolist():
        top, left = corners[row].tolist()
        pixels[row, 0, top : top + 10, left : left + 10] += 90
    return pixels.clamp(0, 255).to(torch.uint8), labels.float()[:, None], corners


@pytest.fixture(scope="module")
def sees_blobs() -> FindingsNet:
    """Trained for a moment to tell pictures with a blob."""
    torch.manual_seed(0)
    sizes = ResNetParams(embedding_size=8, widths=[8, 16], depths=[1, 1])
    net = FindingsNet(small_resnet(sizes, PLAIN, dtype="float32"), 1).train()
    pixels, labels, _ = planted(256)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(6):
        for rows in torch.randperm(256).split(32):
            loss = nn.functional.binary_cross_entropy_with_logits(net(pixels[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net.eval()


def test_grad_cam_lights_up_where_the_blob_is(sees_blobs: FindingsNet) -> None:
    pixels, labels, corners = planted(40)
    maps = grad_cam(sees_blobs.encoder, pixels, lambda vectors: sees_blobs.last(vectors)[:, 0])
    assert maps.shape == (40, 32, 32)
    assert maps.min() >= 0 and maps.max() <= 1
    with_blob = labels[:, 0].nonzero()[:, 0].tolist()
    torch.testing.assert_close(maps[with_blob].amax(dim=(1, 2)), torch.ones(len(with_blob)))
    hits = []
    for row in with_blob:
        top, left = corners[row].tolist()
        brightest = divmod(int(maps[row].argmax()), 32)
        # the map has one place for eight pixels
        hits.append(abs(brightest[0] - top - 4.5) < 9 and abs(brightest[1] - left - 4.5) < 9)
        inside = maps[row, top : top + 10, left : left + 10].mean()
        assert inside > maps[row].mean()
    assert sum(hits) >= 0.9 * len(hits)


def test_what_raises_nothing_is_dark(sees_blobs: FindingsNet) -> None:
    pixels, _, _ = planted(4)
    maps = grad_cam(sees_blobs.encoder, pixels, lambda vectors: -vectors.square().sum(dim=1))
    assert torch.equal(maps, torch.zeros(4, 32, 32))
