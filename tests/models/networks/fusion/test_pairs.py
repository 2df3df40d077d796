"""Two vectors made one; the adaptation gate bounds its shift by each sample's own norm."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from fusehr.models.networks.fusion.mag import AdaptationGate
from fusehr.models.networks.fusion.pairs import PairFusion, pair_fusion

KINDS: list[PairFusion] = ["add", "concat", "adaptive", "mag"]


@pytest.mark.parametrize("kind", KINDS)
def test_both_vectors_matter_and_the_second_is_broadcast(kind: PairFusion) -> None:
    torch.manual_seed(0)
    pair = pair_fusion(kind, 6, beta=0.5, dropout=0.5).eval()
    x, y = torch.randn(2, 4, 6), torch.randn(2, 1, 6)
    joined = pair(x, y)
    assert joined.shape == (2, 4, 6)
    torch.testing.assert_close(joined[:, 2:3], pair(x[:, 2:3], y))
    assert not torch.allclose(pair(x + 1, y), joined, atol=1e-3) or kind == "mag"
    assert not torch.allclose(pair(x * torch.randn(6), y), joined, atol=1e-3)
    assert not torch.allclose(pair(x, y * torch.randn(6)), joined, atol=1e-3)


def test_a_gated_sum_lies_between_the_two() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(2, 50, 6)
    joined = pair_fusion("adaptive", 6, beta=0.5, dropout=0.0)(x, y)
    assert (joined >= torch.minimum(x, y)).all()
    assert (joined <= torch.maximum(x, y)).all()


@given(st.integers(0, 10_000), st.floats(0.1, 100.0))
def test_a_samples_shift_does_not_depend_on_its_neighbours(seed: int, scale: float) -> None:
    torch.manual_seed(seed)
    gate = AdaptationGate(6, others=2, beta=0.5, dropout=0.0)
    x, y, z = torch.randn(3, 4, 6)
    alone = gate(x[:1], [y[:1], z[:1]])
    x[1:], y[1:] = x[1:] * scale, y[1:] * scale
    torch.testing.assert_close(gate(x, [y, z])[:1], alone)


def test_a_shift_is_at_most_a_share_of_the_vector() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(20, 6), 1000 * torch.randn(20, 6)
    for beta in (0.01, 0.5):
        gate = AdaptationGate(6, others=1, beta=beta, dropout=0.0)
        gate.norm = torch.nn.Identity()  # type: ignore[assignment]
        share = (gate(x, [y]) - x).norm(dim=1) / x.norm(dim=1)
        torch.testing.assert_close(share.max(), torch.tensor(beta), rtol=1e-3, atol=0)


def test_a_vector_of_zeros_has_a_gradient() -> None:
    """Padding is zeros, and the slope of a norm there is not a number unless it is seen to."""
    torch.manual_seed(0)
    gate = AdaptationGate(6, others=1, beta=0.5, dropout=0.0)
    x = torch.zeros(2, 6, requires_grad=True)
    y = torch.zeros(2, 6, requires_grad=True)
    functional.mse_loss(gate(x, [y]), torch.ones(2, 6)).backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in gate.parameters())
