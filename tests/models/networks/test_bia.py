"""BiA: the similarity of its definition, own tokens only, missing sides learnt."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.bia import (
    BidirectionalFusion,
    Exchange,
    LinearByPlace,
    TrilinearSimilarity,
)

WIDTHS = {"indicators": 5, "notes": 3}
PLACES = {"indicators": 6, "notes": 4}


def network(**changes: Any) -> BidirectionalFusion:
    torch.manual_seed(0)
    given: dict[str, Any] = {
        "by_place": {"indicators"},
        "d_model": 8,
        "heads": 2,
        "layers": 2,
        "hidden": [6],
        "dropout": 0.5,
        "hidden_share": 0.5,
        "widths": WIDTHS,
    }
    all_given = {**given, **changes}
    return BidirectionalFusion(all_given.pop("widths"), PLACES, 3, **all_given).eval()


def batch() -> Batch:
    """Four samples: with gaps among indicators, one side lacking, the other, both."""
    torch.manual_seed(1)
    known = torch.tensor(
        [[1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    ).bool()
    told = torch.arange(4) < torch.tensor([3, 0, 4, 0])[:, None]
    return Batch(
        {
            "indicators": Tokens(torch.randn(4, 6, 5) * known[..., None], known),
            "notes": Tokens(torch.randn(4, 4, 3) * told[..., None], told),
        }
    )


def rows(of: Batch, chosen: list[int]) -> Batch:
    return Batch({name: Tokens(t.values[chosen], t.mask[chosen]) for name, t in of.tokens.items()})


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_similarity_is_that_of_its_definition(n: int, m: int, d: int, seed: int) -> None:
    torch.manual_seed(seed)
    first, second = torch.randn(2, n, d), torch.randn(2, m, d)
    similarity = TrilinearSimilarity(d)
    h = first[:, :, None].expand(2, n, m, d)
    u = second[:, None].expand(2, n, m, d)
    naive = torch.cat([h, u, h * u], dim=3) @ similarity.weight.flatten()
    torch.testing.assert_close(similarity(first, second), naive, rtol=1e-4, atol=1e-5)


def test_an_exchange_is_a_layer_on_all_four_parts() -> None:
    """W [h; g; h * g; h - g] with any W is what the three layers can be."""
    torch.manual_seed(0)
    weight = torch.randn(4, 5, 5)
    own, heard = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    naive = torch.cat([own, heard, own * heard, own - heard], dim=2) @ torch.cat(
        [part.T for part in weight]
    )
    exchange = Exchange(5)
    with torch.no_grad():
        exchange.own.weight.copy_(weight[0] + weight[3])
        exchange.own.bias.zero_()
        exchange.heard.weight.copy_(weight[1] - weight[3])
        exchange.both.weight.copy_(weight[2])
    torch.testing.assert_close(exchange(own, heard), own + naive.relu(), rtol=1e-4, atol=1e-4)


def test_each_place_has_a_map_of_its_own() -> None:
    torch.manual_seed(0)
    layer, values = LinearByPlace(4, 3, 2), torch.randn(5, 2, 3)
    for place in range(2):
        torch.testing.assert_close(
            layer(values)[:, place], values[:, place] @ layer.weight[place], rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("by_place", [{"indicators"}, set()])
def test_padding_and_neighbours_do_not_matter(by_place: set[str]) -> None:
    module, given = network(by_place=by_place), batch()
    expected = module(given)
    assert expected.shape == (4, 3) and torch.isfinite(expected).all()
    assert len(expected.unique(dim=0)) == 4
    for name in given.tokens:
        values, mask = given[name].values.clone(), given[name].mask
        values[~mask] = 1000.0
        changed = Batch({**given.tokens, name: Tokens(values, mask)})
        torch.testing.assert_close(module(changed), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(module(rows(given, [2, 0])), expected[[2, 0]], rtol=0, atol=1e-5)
    # notes padded less
    short = Batch(
        {
            "indicators": given["indicators"],
            "notes": Tokens(given["notes"].values[:, :3], given["notes"].mask[:, :3]),
        }
    )
    torch.testing.assert_close(module(short)[:2], expected[:2], rtol=0, atol=1e-5)


def test_the_place_of_an_indicator_matters() -> None:
    for by_place in ({"indicators"}, set()):
        module, given = network(by_place=by_place), rows(batch(), [0])
        moved = Tokens(
            given["indicators"].values[:, [1, 0, 2, 3, 4, 5]],
            given["indicators"].mask[:, [1, 0, 2, 3, 4, 5]],
        )
        changed = Batch({**given.tokens, "indicators": moved})
        assert not torch.allclose(module(changed), module(given), atol=1e-4)


def test_each_side_hears_the_other() -> None:
    """What an indicator becomes depends on the note, so that the sides are not pooled apart."""
    module, given = network(), rows(batch(), [0])
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: Any, out: Any) -> None:
        seen.append(out)

    handle = module.exchange["indicators"].register_forward_hook(keep)
    module(given)
    module(given.without({"notes"}))
    handle.remove()
    assert not torch.allclose(seen[0], seen[1], atol=1e-4)


def test_a_missing_side_is_learnt_and_does_not_follow_its_last_values() -> None:
    module, given = network(), batch()
    torch.testing.assert_close(
        module(given.without({"notes"}))[1], module(given)[1], rtol=0, atol=1e-6
    )
    loss = functional.cross_entropy(module(given), torch.tensor([0, 1, 2, 0]))
    loss.backward()
    for name in ("indicators", "notes"):
        gradient = module.get_parameter(f"sides.{name}.missing.vector").grad
        assert gradient is not None and gradient.abs().max() > 1e-6
    # and where nobody lacks it, it takes no part
    module.zero_grad()
    module(rows(given, [0])).sum().backward()
    gradient = module.get_parameter("sides.notes.missing.vector").grad
    assert gradient is None or not gradient.any()


@pytest.mark.parametrize("alone", ["indicators", "notes"])
def test_a_single_side_is_told_nothing_of_the_other(alone: str) -> None:
    module, given = network(widths={alone: WIDTHS[alone]}), batch()
    logits = module(given)
    other = next(name for name in WIDTHS if name != alone)
    torch.testing.assert_close(module(given.without({other})), logits, rtol=0, atol=0)
    assert not torch.allclose(module(given.without({alone}))[0], logits[0], atol=1e-4)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("widths", [WIDTHS, {"notes": WIDTHS["notes"]}])
def test_attention_is_over_own_tokens(layers: int, widths: dict[str, int]) -> None:
    module, given = network(layers=layers, widths=widths), batch()
    assert module.attend(given).keys() == widths.keys()
    for name, weights in module.attend(given).items():
        mask = given[name].mask
        assert weights.shape == mask.shape
        assert (weights >= 0).all() and not weights[~mask].any()
        torch.testing.assert_close(weights.sum(dim=1), given[name].present.float())
        if len(widths) > 1 or layers > 1:
            assert weights[0].unique().numel() > 2


def test_dropout_and_hiding_end_with_training() -> None:
    module, given = network(), rows(batch(), [0] * 8)
    assert len(module(given).unique(dim=0)) == 1
    module.train()
    assert len(module(given).unique(dim=0)) > 1
