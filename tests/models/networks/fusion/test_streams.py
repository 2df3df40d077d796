"""What all fusions of token streams keep: own tokens only, both streams, weights that sum to 1."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.bottleneck import BottleneckFusion
from fusehr.models.networks.fusion.concat import ConcatFusion
from fusehr.models.networks.fusion.cross_attention import CrossAttentionFusion
from fusehr.models.networks.fusion.mag import MagFusion
from fusehr.models.networks.fusion.streams import AttentionPool, LastToken, Read, joined, parted
from fusehr.models.networks.fusion.transformer import TransformerFusion

D, HEADS = 8, 2
READS: list[Read] = ["last", "attention", "attention"]
FUSIONS: dict[str, Callable[[list[Read]], nn.Module]] = {
    "concat": lambda reads: ConcatFusion(D, reads=reads, heads=HEADS),
    "cross": lambda reads: CrossAttentionFusion(D, reads=reads, heads=HEADS, dropout=0.5),
    "mag": lambda reads: MagFusion(D, reads=reads, heads=HEADS, beta=0.5, dropout=0.5),
    "transformer": lambda reads: TransformerFusion(
        D, reads=reads, heads=HEADS, layers=2, dropout=0.5
    ),
    "bottleneck": lambda reads: BottleneckFusion(
        D, reads=reads, heads=HEADS, layers=2, bottlenecks=3, dropout=0.5
    ),
}


def fusion(name: str, reads: list[Read]) -> nn.Module:
    """With pools that prefer some tokens: they start as means."""
    torch.manual_seed(0)
    module = FUSIONS[name](reads).eval()
    for part in module.modules():
        if isinstance(part, AttentionPool):
            nn.init.normal_(part.scores.weight)
    return module


def streams(n: int) -> list[Tokens]:
    torch.manual_seed(1)
    lengths = torch.tensor([[1, 4, 6], [5, 1, 2], [3, 2, 1]])[:n]
    made = []
    for of_stream, k in zip(lengths, (6, 5, 4), strict=False):
        mask = torch.arange(k) < of_stream.clamp(max=k)[:, None]
        made.append(Tokens(torch.randn(3, k, D) * mask[..., None], mask))
    return made


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("name", FUSIONS)
def test_padding_and_neighbours_do_not_matter(name: str, n: int) -> None:
    module, given = fusion(name, READS[:n]), streams(n)
    fused = module(given)
    assert fused.vector.shape == (3, D)
    longer = [
        Tokens(functional.pad(s.values, (0, 0, 0, 3)), functional.pad(s.mask, (0, 3)))
        for s in given
    ]
    for stream in longer:
        stream.values[~stream.mask] = 30.0
    torch.testing.assert_close(module(longer).vector, fused.vector, rtol=0, atol=1e-5)
    alone = module([Tokens(s.values[1:2], s.mask[1:2]) for s in given])
    torch.testing.assert_close(alone.vector, fused.vector[1:2], rtol=0, atol=1e-5)


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("name", FUSIONS)
def test_weights_are_of_a_samples_own_tokens(name: str, n: int) -> None:
    given = streams(n)
    weights = fusion(name, READS[:n])(given).weights
    assert len(weights) == n
    for of_stream, stream in zip(weights, given, strict=True):
        assert (of_stream >= 0).all()
        assert not of_stream[~stream.mask].any()
        torch.testing.assert_close(of_stream.sum(dim=1), torch.ones(3))
    # of several tokens that are read by attention, some have more weight than others
    assert weights[1][0, : int(given[1].mask[0].sum())].std() > 1e-3


@pytest.mark.parametrize("name", FUSIONS)
def test_every_stream_matters(name: str) -> None:
    module, given = fusion(name, READS), streams(3)
    before = module(given).vector
    for changed in range(3):
        values = [s.values.clone() for s in given]
        values[changed] = values[changed] * torch.randn(D)
        moved = module([Tokens(v, s.mask) for v, s in zip(values, given, strict=True)]).vector
        assert ((moved - before).abs().amax(dim=1) > 1e-4).all()


@pytest.mark.parametrize("name", ["cross", "transformer", "bottleneck"])
def test_what_one_stream_tells_depends_on_the_other(name: str) -> None:
    """The change that a token makes is not the same whatever the other stream holds, as it is in
    late fusion."""

    def change(module: nn.Module, other: Tokens) -> torch.Tensor:
        first = streams(2)[0]
        louder = Tokens(first.values * 2, first.mask)
        return module([louder, other]).vector - module([first, other]).vector

    one, two = streams(3)[1:]
    module, late = fusion(name, ["attention"] * 2), fusion("concat", ["attention"] * 2)
    torch.testing.assert_close(change(late, one), change(late, two), rtol=0, atol=1e-5)
    assert (change(module, one) - change(module, two)).abs().max() > 1e-3


def test_what_cross_attention_gets_depends_on_the_query_where_there_are_tokens() -> None:
    """Rule 6: and does not where the other stream is a single one, as in the published fusion."""
    module = fusion("cross", ["last", "attention"])
    assert isinstance(module, CrossAttentionFusion)
    given = streams(2)
    single = [Tokens(s.values[:, :1], s.mask[:, :1]) for s in given]
    query, other = torch.randn(2, 3, D)
    for asked, constant in ((given, False), (single, True)):
        rows = asked[1].mask.sum(dim=1) > 1 if not constant else slice(None)
        (before, _), _ = module.attended([query, query], asked)
        (after, _), _ = module.attended([other, query], asked)
        moved = (after - before)[rows].abs().amax(dim=1)
        assert (moved < 1e-6).all() if constant else (moved > 1e-3).all()


def test_a_bottleneck_of_one_layer_would_join_nothing() -> None:
    with pytest.raises(ValueError, match="layers: expected 2 or more, found 1"):
        BottleneckFusion(D, reads=READS, heads=HEADS, layers=1, bottlenecks=2, dropout=0.0)


def test_the_last_token_is_found_between_padding() -> None:
    given = streams(2)
    vectors, weights = LastToken()(joined(given))
    for row in range(3):
        last = int(given[1].mask[row].sum()) - 1
        torch.testing.assert_close(vectors[row], given[1].values[row, last])
        assert weights[row].argmax() == 6 + last
    back = parted(joined(given), given)
    for stream, expected in zip(back, given, strict=True):
        assert torch.equal(stream.values, expected.values)
        assert torch.equal(stream.mask, expected.mask)


def test_attention_starts_as_the_mean_and_learns_to_prefer() -> None:
    torch.manual_seed(0)
    pool, tokens = AttentionPool(D, heads=HEADS), streams(1)[0]
    vectors, weights = pool(tokens)
    torch.testing.assert_close(vectors[1], tokens.values[1, :4].mean(dim=0))
    assert weights[1].tolist() == [0.25] * 4 + [0.0] * 2
    with torch.no_grad():
        pool.scores.weight[:, 0] = 5.0
    _, weights = pool(tokens)
    assert weights[1].argmax() == tokens.values[1, :4, 0].argmax()
