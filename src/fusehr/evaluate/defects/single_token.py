"""Cross-attention over a single token: EMERGE's fusion of two vectors.

The softmax over one token is 1 whatever is asked, so what is attended does not depend on the query:
two linear layers, at the price of attention. Given the tokens themselves, it does.
"""

from __future__ import annotations

import torch

from fusehr.core.params.defects import DefectsParams, FusionParams
from fusehr.core.seeding import seed_of
from fusehr.evaluate.defects.rows import Comparison, Estimate, Row
from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fitting import settle_torch
from fusehr.models.networks.fusion.attention import Attention

NAME = "single_token"
COMPARISON = Comparison(
    defect="cross-attention over a single token",
    system="EMERGE",
    published="emerge_published",
    repaired="emerge",
    published_does="each modality is one vector",
    repaired_does="each modality is its tokens",
)


def rows(params: DefectsParams) -> list[Row]:
    """How far what is attended moves when another is asked for, with one token and with several.

    With the attention that all fusions of this project are built of, in either version.
    """
    settle_torch(threads=params.threads, seed=seed_of("defects", NAME, params.seed))
    of = params.fusion
    attention = Attention(of.d_model, heads=of.heads)
    return COMPARISON.rows(
        "random vectors, random weights",
        "largest change of what is attended when the query is replaced",
        "above 0",
        published=_moved(attention, of, tokens=1),
        repaired=_moved(attention, of, tokens=of.tokens),
    )


@torch.no_grad()
def _moved(attention: Attention, of: FusionParams, *, tokens: int) -> Estimate:
    query, other, context = torch.randn(3, of.samples, tokens, of.d_model)
    there = torch.ones(of.samples, tokens, dtype=torch.bool)
    before, _ = attention(query, Tokens(context, there))  # (b, k, d)
    after, _ = attention(other, Tokens(context, there))
    return Estimate((after - before).abs().max().item(), n=of.samples)
