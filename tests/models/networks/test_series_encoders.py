"""Every series encoder sees a sample's own hours, in their order, and nothing behind them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.series_encoders import SeriesEncoder, series_encoder

KINDS: list[SeriesEncoder] = ["gru", "lstm", "rnn", "transformer"]


def encoder(kind: SeriesEncoder, d_model: int = 8, layers: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return series_encoder(kind, 4, d_model, heads=2, layers=layers, dropout=0.5).eval()


def hours(lengths: list[int], t: int = 6) -> Tokens:
    torch.manual_seed(1)
    mask = torch.arange(t) < torch.tensor(lengths)[:, None]
    return Tokens(torch.randn(len(lengths), t, 4) * mask[..., None], mask)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_padding_does_not_matter_and_is_zero(kind: SeriesEncoder, layers: int) -> None:
    module, tokens = encoder(kind, layers=layers), hours([1, 3, 6, 0])
    expected = module(tokens)
    assert expected.shape == (4, 6, 8)
    assert torch.isfinite(expected).all()
    assert not expected[~tokens.mask].any()
    longer = Tokens(
        nn.functional.pad(tokens.values, (0, 0, 0, 2)), nn.functional.pad(tokens.mask, (0, 2))
    )
    longer.values[~longer.mask] = 100.0
    torch.testing.assert_close(module(longer)[:, :6], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_state_depends_on_every_hour_and_on_their_order(kind: SeriesEncoder) -> None:
    module, tokens = encoder(kind), hours([6])
    last = module(tokens)[0, -1]
    for hour in range(6):
        values = tokens.values.clone()
        values[0, hour] += 1
        assert not torch.allclose(module(Tokens(values, tokens.mask))[0, -1], last, atol=1e-4)
    values = tokens.values[:, [1, 0, 2, 3, 4, 5]]
    assert not torch.allclose(module(Tokens(values, tokens.mask))[0, -1], last, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_width(kind: SeriesEncoder) -> None:
    module = series_encoder(kind, 4, 7, heads=1, layers=1, dropout=0.0)
    assert module(hours([2, 6])).shape == (2, 6, 7)
