"""Attention over tokens depends on the query; over a single one it is a constant map."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.attention import Attention, SelfAttentionBlock, through


def tokens(lengths: list[int], k: int = 5, d: int = 8) -> Tokens:
    mask = torch.arange(k) < torch.tensor(lengths)[:, None]
    return Tokens(torch.randn(len(lengths), k, d) * mask[..., None], mask)


@pytest.fixture
def attention() -> Attention:
    torch.manual_seed(0)
    return Attention(8, heads=2)


def test_it_is_torchs_own(attention: Attention) -> None:
    reference = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(
            torch.cat([attention.queries.weight, attention.keys_values.weight])
        )
        reference.in_proj_bias.copy_(
            torch.cat([attention.queries.bias, attention.keys_values.bias])
        )
        reference.out_proj.load_state_dict(attention.out.state_dict())
    queries, context = torch.randn(3, 4, 8), tokens([1, 3, 5])
    attended, weights = attention(queries, context)
    expected, of_expected = reference(
        queries, context.values, context.values, key_padding_mask=~context.mask
    )
    torch.testing.assert_close(attended, expected)
    torch.testing.assert_close(weights, of_expected)


def test_one_query_a_sample_is_the_same_at_less_cost(attention: Attention) -> None:
    torch.nn.init.normal_(attention.keys_values.bias)
    queries, context = torch.randn(3, 8), tokens([1, 3, 5])
    attended, weights = attention.of_vectors(queries, context)
    expected, of_expected = attention(queries[:, None], context)
    torch.testing.assert_close(attended, expected[:, 0])
    torch.testing.assert_close(weights, of_expected[:, 0])


def test_a_query_matters_unless_there_is_one_token_alone(attention: Attention) -> None:
    query, other = torch.randn(2, 4, 8)
    several, single = tokens([5, 4, 3, 2]), tokens([1, 1, 1, 1])
    several_moved = (
        attention.of_vectors(query, several)[0] - attention.of_vectors(other, several)[0]
    )
    single_moved = attention.of_vectors(query, single)[0] - attention.of_vectors(other, single)[0]
    assert (several_moved.abs().amax(dim=1) > 1e-3).all()
    assert single_moved.abs().max() < 1e-6


def test_a_block_sees_own_tokens_only(attention: Attention) -> None:
    block = SelfAttentionBlock(8, heads=2, dropout=0.5).eval()
    context = tokens([2, 5])
    states, weights = block(context)
    assert not states.values[~context.mask].any()
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(2, 5))
    longer = Tokens(
        functional.pad(context.values, (0, 0, 0, 3), value=50.0),
        functional.pad(context.mask, (0, 3)),
    )
    torch.testing.assert_close(block(longer)[0].values[:, :5], states.values, rtol=0, atol=1e-5)


def test_weights_go_half_by_the_residual_path() -> None:
    attention = torch.tensor([[[0.0, 1.0], [0.5, 0.5]]])
    found = through(torch.tensor([[1.0, 0.0]]), attention)
    assert found.tolist() == [[0.5, 0.5]]
