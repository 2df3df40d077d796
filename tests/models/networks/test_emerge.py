"""EMERGE with every switch: own tokens only, missing modalities learnt, attention accounted for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.emerge import Design, Emerge, seen
from fusehr.models.networks.fusion.attention import Attention
from fusehr.models.networks.fusion.cross_attention import CrossAttentionFusion
from fusehr.models.networks.fusion.streams import AttentionPool
from fusehr.models.networks.projectors import Missing

WIDTHS = {"series": 4, "notes": 6, "summary": 5}
DEFAULT = Design(
    series_encoder="gru",
    series_layers=1,
    text_fusion="concat",
    modality_fusion="cross",
    fusion_layers=2,
    bottlenecks=3,
    tokens=True,
    mag_beta=0.5,
    d_model=8,
    heads=2,
    dropout=0.5,
    hidden_share=0.0,
)
SWITCHES: list[dict[str, Any]] = [
    {},
    *({"series_encoder": kind} for kind in ("lstm", "rnn", "transformer")),
    *({"text_fusion": kind} for kind in ("note", "summary", "add", "adaptive", "mag")),
    *({"modality_fusion": kind} for kind in ("mag", "concat", "transformer", "bottleneck")),
    {"tokens": False},
    *({"tokens": False, "text_fusion": kind} for kind in ("add", "adaptive", "mag")),
    *({"tokens": False, "modality_fusion": kind} for kind in ("mag", "concat", "transformer")),
]
SUBSETS = [
    ("series",),
    ("notes",),
    ("summary",),
    ("series", "notes"),
    ("series", "summary"),
    ("notes", "summary"),
]


def network(widths: dict[str, int] = WIDTHS, **switches: Any) -> Emerge:
    """With pools that prefer some tokens: they start as means."""
    torch.manual_seed(0)
    module = Emerge(widths, 3, dataclasses.replace(DEFAULT, **switches)).eval()
    for part in module.modules():
        if isinstance(part, AttentionPool):
            nn.init.normal_(part.scores.weight)
    return module


def batch(names: tuple[str, ...] = ("series", "notes", "summary")) -> Batch:
    """Five samples; the fourth lacks the series, the last both texts."""
    torch.manual_seed(1)
    lengths = {"series": [2, 6, 3, 0, 1], "notes": [5, 1, 3, 2, 0], "summary": [1, 4, 0, 3, 0]}
    tokens = {}
    for name in names:
        mask = torch.arange(6) < torch.tensor(lengths[name])[:, None]
        tokens[name] = Tokens(torch.randn(5, 6, WIDTHS[name]) * mask[..., None], mask)
    return Batch(tokens)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_padding_and_neighbours_do_not_matter(switches: dict[str, Any]) -> None:
    module, given = network(**switches), batch()
    logits = module(given)
    assert logits.shape == (5, 3)
    assert torch.isfinite(logits).all()
    longer = {
        name: Tokens(functional.pad(t.values, (0, 0, 0, 2)), functional.pad(t.mask, (0, 2)))
        for name, t in given.tokens.items()
    }
    for tokens in longer.values():
        tokens.values[~tokens.mask] = 30.0
    torch.testing.assert_close(module(Batch(longer)), logits, rtol=0, atol=1e-5)
    for row in range(5):
        alone = Batch({n: Tokens(t.values[[row]], t.mask[[row]]) for n, t in given.tokens.items()})
        torch.testing.assert_close(module(alone), logits[[row]], rtol=0, atol=1e-5)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_a_missing_modality_is_learnt(switches: dict[str, Any]) -> None:
    module = network(**switches)
    given = batch()
    names = seen(WIDTHS, _text_fusion(switches))
    for name in names:
        module.zero_grad()
        logits = module(given.without([name]))
        assert torch.isfinite(logits).all()
        # the first sample has all three
        assert not torch.allclose(logits[0], module(given)[0], atol=1e-5)
        logits.sum().backward()
        stand_in = module.missing[name]
        assert isinstance(stand_in, Missing)
        assert stand_in.vector.grad is not None
        assert stand_in.vector.grad.abs().max() > 1e-6
        assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())
    assert torch.isfinite(module(given.without(names))).all()


def _text_fusion(switches: dict[str, Any]) -> Any:
    return switches.get("text_fusion", DEFAULT.text_fusion)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_attention_is_of_a_samples_own_tokens(switches: dict[str, Any]) -> None:
    given = batch()
    attention = network(**switches).attend(given)
    assert set(attention) == set(seen(WIDTHS, _text_fusion(switches)))
    for name, weights in attention.items():
        mask = given[name].mask
        assert weights.shape == mask.shape
        assert (weights >= 0).all()
        assert not weights[~mask].any()
        torch.testing.assert_close(weights.sum(dim=1), given[name].present.float())


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("names", SUBSETS, ids=" ".join)
def test_any_subset_of_modalities(names: tuple[str, ...], tokens: bool) -> None:
    widths = {name: WIDTHS[name] for name in names}
    module, given = network(widths, tokens=tokens), batch(names)
    before = module(given)
    assert torch.isfinite(before).all()
    assert set(module.attend(given)) == set(names)
    for name in names:
        values = given[name].values * torch.randn(WIDTHS[name])
        moved = module(Batch({**given.tokens, name: Tokens(values, given[name].mask)}))
        there = given[name].present
        assert ((moved - before)[there].abs().amax(dim=1) > 1e-4).all()


def test_the_text_left_out_is_no_part_of_the_network() -> None:
    for kind, left in (("note", "notes"), ("summary", "summary")):
        module = network(text_fusion=kind)
        assert module.texts == [left]
        assert set(module.missing) == {"series", left}


def test_what_the_series_asks_for_changes_with_the_series_where_texts_are_tokens() -> None:
    """Rule 6, and the published defect: with one vector a text, what is added to the series is the
    same whatever the series holds."""
    for tokens, constant in ((True, False), (False, True)):
        module, given = network(tokens=tokens), batch()
        values = given["series"].values + 1.0
        other = Batch({**given.tokens, "series": Tokens(values, given["series"].mask)})
        heard = [_heard(module, one) for one in (given, other)]
        moved = (heard[0] - heard[1]).abs().amax(dim=1)[given["series"].present]
        assert (moved < 1e-6).all() if constant else (moved[:2] > 1e-4).all()


def _heard(module: Emerge, given: Batch) -> torch.Tensor:
    """What the series gets of the texts, (b, d_model)."""
    found = []
    assert isinstance(module.modality_fusion, CrossAttentionFusion)
    series, *_ = module.modality_fusion.attentions
    assert isinstance(series, Attention)
    handle = series.out.register_forward_hook(lambda *call: found.append(call[-1]))
    module(given)
    handle.remove()
    return found[0]


def test_modalities_are_hidden_in_training_only() -> None:
    module, given = network(hidden_share=0.9, dropout=0.0), batch()
    expected = module(given)
    torch.testing.assert_close(module(given), expected)
    module.train()
    assert not torch.allclose(module(given), expected, atol=1e-4)


def test_one_vector_of_a_text_is_a_mean_and_that_of_a_series_a_state() -> None:
    """So that the order of sentences does not matter, and that of hours does."""
    module, given = network(tokens=False), batch()
    before = module(given)
    for name, row, length in (("notes", 0, 5), ("series", 1, 6)):
        values = given[name].values.clone()
        values[row, :length] = values[row, :length].flip(0)
        after = module(Batch({**given.tokens, name: Tokens(values, given[name].mask)}))
        assert torch.allclose(after, before, atol=1e-5) is (name == "notes")
    attention = module.attend(given)
    assert attention["series"].argmax(dim=1).tolist() == [1, 5, 2, 0, 0]
    assert set(attention["series"].flatten().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(attention["notes"][2], torch.tensor([1 / 3] * 3 + [0.0] * 3))
