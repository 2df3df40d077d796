"""Tokens of any width become states, and a learned vector stands where there is none."""

from __future__ import annotations

import pytest
import torch

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.projectors import Missing, SharedDropout, TokenProjector


def test_padding_is_zero_and_tokens_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    module = TokenProjector(5, 3, 0.5).eval()
    tokens = Tokens(torch.randn(2, 4, 5), torch.tensor([[True] * 4, [True, False, False, False]]))
    states = module(tokens)
    assert states.shape == (2, 4, 3)
    assert not states[~tokens.mask].any()
    tokens.values[:, 1:] += 1
    torch.testing.assert_close(module(tokens)[:, 0], states[:, 0])


def test_dropout_is_shared_by_a_samples_tokens_and_off_in_prediction() -> None:
    torch.manual_seed(0)
    module = SharedDropout(0.5)
    dropped = module(torch.ones(8, 6, 16))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert (dropped == dropped[:, :1]).all()
    assert not (dropped == dropped[:1]).all()
    assert (module.eval()(torch.ones(2, 3, 4)) == 1).all()


def test_the_learned_vector_stands_in_and_learns() -> None:
    torch.manual_seed(0)
    missing = Missing(3)
    states = torch.randn(2, 2, 3)
    mask = torch.tensor([[True, False], [False, False]])
    tokens = missing(states, mask)
    assert tokens.mask.tolist() == [[True, False], [True, False]]
    torch.testing.assert_close(tokens.values[0], states[0])
    torch.testing.assert_close(tokens.values[1, 0], missing.vector)
    tokens.values[1, 0].sum().backward()
    assert missing.vector.grad is not None
    assert missing.vector.grad.tolist() == [1, 1, 1]


@pytest.mark.parametrize("present", [True, False])
def test_a_pooled_vector_is_kept_where_the_modality_is_present(present: bool) -> None:
    missing = Missing(3)
    vectors = torch.ones(1, 3)
    pooled = missing.pooled(vectors, torch.tensor([present]))
    torch.testing.assert_close(pooled[0], vectors[0] if present else missing.vector)
