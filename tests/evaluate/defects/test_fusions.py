"""Fusions that do not do what they are called: attention over one token, norms over a batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import validate
from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects import batch_norms, single_token


def test_one_token_gives_the_same_answer_to_every_question(params: DefectsParams) -> None:
    published, repaired = single_token.rows(params)
    assert published.value == 0.0
    assert repaired.value > 0.01
    assert published.recipe == "emerge_published"


def test_norms_over_the_batch_let_neighbours_in(params: DefectsParams) -> None:
    published, repaired = batch_norms.rows(params)
    assert published.value > 0.001
    assert repaired.value < 1e-6
    assert published.expected == repaired.expected == "0"


def test_the_published_gate_on_one_sample_is_bounded_by_its_own_norms() -> None:
    torch.manual_seed(0)
    gate = batch_norms.BatchGate(8, beta=0.1)
    x, y = torch.randn(2, 1, 8)
    with torch.no_grad():
        shift = gate.shift(torch.sigmoid(gate.gate(torch.cat([x, y], dim=-1))) * y)
        expected = gate.norm(x + 0.1 * x.norm() / shift.norm() * shift)
        torch.testing.assert_close(gate(x, y), expected)
        # alone in the batch there is nobody to depend on; with a large neighbour there is
        together = gate(torch.cat([x, 100 * x]), torch.cat([y, y]))[:1]
        assert (together - expected).abs().max() > 1e-3


def test_heads_must_divide_the_width(block: dict[str, Any]) -> None:
    block["fusion"]["heads"] = 3
    with pytest.raises(InputError, match="d_model 16 is not divisible by heads 3"):
        validate(block, DefectsParams, "defects")
