"""EMERGE (Zhu et al., CIKM 2024): a series, notes, and what a knowledge graph tells, fused.

    series  -> recurrent network or transformer --------------+-> modality fusion -> head -> logits
    notes   -> linear -+                                      |
    summary -> linear -+-> text fusion -----------------------+

The published model gives each modality as one vector. Attention over one vector is a constant map,
so its cross-attention adds the same to the series whatever the series holds; given as tokens, the
state at the last hour asks for sentences and facts, and what is read of those asks for hours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from einops import einsum, rearrange
from torch import Tensor, nn
from torch.nn import functional

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.fusion.bottleneck import BottleneckFusion
from fusehr.models.networks.fusion.concat import ConcatFusion
from fusehr.models.networks.fusion.cross_attention import CrossAttentionFusion
from fusehr.models.networks.fusion.mag import MagFusion
from fusehr.models.networks.fusion.pairs import pair_fusion
from fusehr.models.networks.fusion.streams import Fused, LastToken, Read, normalised
from fusehr.models.networks.fusion.texts import JoinedTexts, MutualTexts, PairedTexts, Stream
from fusehr.models.networks.fusion.transformer import TransformerFusion
from fusehr.models.networks.heads import gelu_head
from fusehr.models.networks.hiding import ModalityDropout
from fusehr.models.networks.projectors import Missing, TokenProjector
from fusehr.models.networks.series_encoders import SeriesEncoder, series_encoder

TextFusion = Literal["note", "summary", "add", "concat", "adaptive", "mag"]
ModalityFusion = Literal["cross", "mag", "concat", "transformer", "bottleneck"]


@dataclass(frozen=True)
class Design:
    """The published switches, the modality fusion `bottleneck` beside them, and sizes.

    text_fusion: `note` and `summary` leave the other text out; the rest are in fusion.texts.
    tokens: each modality is its tokens, else one vector: the last hour's state, and means of
    sentences and of facts. fusion_layers: of the modality fusions `transformer` and `bottleneck`;
    bottlenecks: shared tokens of the latter. mag_beta: see fusion.mag.AdaptationGate.
    hidden_share: see hiding.ModalityDropout.
    """

    series_encoder: SeriesEncoder
    series_layers: int
    text_fusion: TextFusion
    modality_fusion: ModalityFusion
    fusion_layers: int
    bottlenecks: int
    tokens: bool
    mag_beta: float
    d_model: int
    heads: int
    dropout: float
    hidden_share: float


def seen(modalities: Collection[str], text_fusion: TextFusion) -> tuple[str, ...]:
    """Those of `modalities` that a text fusion leaves in."""
    left_out = {"note": "summary", "summary": "notes"}.get(text_fusion)
    return tuple(name for name in modalities if name != left_out)


class Emerge(nn.Module):
    """Of a Batch with any of series, notes and summary, gives logits (b, n_classes).

    widths: of a token of each modality; one at least is left in. With a single text, or without
    text or without series, there is nothing to fuse, and that fusion is no part of the network. In
    the place of a modality that a sample lacks stands a learned vector.
    """

    def __init__(self, widths: Mapping[str, int], n_classes: int, design: Design) -> None:
        super().__init__()
        d_model, dropout = design.d_model, design.dropout
        names = sorted(seen(widths, design.text_fusion))
        self.tokens = design.tokens
        self.hide = ModalityDropout(design.hidden_share)
        self.texts = [name for name in names if name != "series"]
        self.encoders = nn.ModuleDict(
            {name: TokenProjector(widths[name], d_model, dropout) for name in self.texts}
        )
        if "series" in names:
            self.encoders["series"] = series_encoder(
                design.series_encoder,
                widths["series"],
                d_model,
                heads=design.heads,
                layers=design.series_layers,
                dropout=dropout,
            )
        self.missing = nn.ModuleDict({name: Missing(d_model) for name in names})
        self.text_fusion = _text_fusion(design) if len(self.texts) > 1 else None
        reads: list[Read] = ["last"] if "series" in names else []
        if self.texts:
            reads.append("attention")
        self.modality_fusion = _modality_fusion(design, reads)
        self.head = gelu_head(d_model, d_model, dropout)
        self.last = nn.Linear(d_model, n_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Modalities as tokens (b, k, width) -> logits (b, n_classes)."""
        fused, _ = self._fused(self.hide(batch))
        return self.last(self.head(fused.vector))  # (b, d) -> (b, n_classes)

    @torch.no_grad()
    def attend(self, batch: Batch) -> dict[str, Tensor]:
        """For each modality, weights (b, k) that a sample's own tokens had in the fused vector.

        They sum to 1, and are all 0 where the modality is missing. A rough trace of attention
        through pooling and fusion, in which residual paths count half.
        """
        fused, streams = self._fused(batch)
        return {
            name: normalised(trace(weights), batch[name].mask)
            for stream, weights in zip(streams, fused.weights, strict=True)
            for name, trace in stream.traces.items()
        }

    def _fused(self, batch: Batch) -> tuple[Fused, list[Stream]]:
        texts = [self._stream(name, batch[name]) for name in self.texts]
        if self.text_fusion is not None:
            texts = [self.text_fusion(*texts)]
        series = [self._stream("series", batch["series"])] if "series" in self.encoders else []
        streams = series + texts
        return self.modality_fusion([stream.tokens for stream in streams]), streams

    def _stream(self, name: str, tokens: Tokens) -> Stream:
        """Of one modality (b, k, width): its tokens (b, k', d), or one vector as a token (b, 1, d).

        k': without what is padding in all samples. The learned vector stands in where there is
        none.
        """
        k, longest = tokens.mask.shape[1], max(int(tokens.lengths.max()), 1)
        tokens = Tokens(tokens.values[:, :longest], tokens.mask[:, :longest])
        missing = self.missing[name]
        assert isinstance(missing, Missing)
        states = missing(self.encoders[name](tokens), tokens.mask)  # (b, k', d)
        if self.tokens:
            return Stream(states, {name: lambda weights: functional.pad(weights, (0, k - longest))})
        vectors, shares = LastToken()(states) if name == "series" else _mean(states)
        one = torch.ones(len(vectors), 1, dtype=torch.bool, device=vectors.device)
        return Stream(
            Tokens(rearrange(vectors, "b d -> b 1 d"), one),
            {name: lambda weights: functional.pad(weights * shares, (0, k - longest))},
        )


def _mean(tokens: Tokens) -> tuple[Tensor, Tensor]:
    """Tokens (b, k, d), one or more a sample -> means (b, d), and the weights (b, k) in them."""
    shares = normalised(torch.ones_like(tokens.mask, dtype=tokens.values.dtype), tokens.mask)
    return einsum(shares, tokens.values, "b k, b k d -> b d"), shares


def _text_fusion(design: Design) -> nn.Module:
    kind, beta, dropout = design.text_fusion, design.mag_beta, design.dropout
    assert kind != "note" and kind != "summary"  # of these, one text is left
    if not design.tokens:
        return PairedTexts(pair_fusion(kind, design.d_model, beta=beta, dropout=dropout))
    if kind == "concat":
        return JoinedTexts()
    pairs = [pair_fusion(kind, design.d_model, beta=beta, dropout=dropout) for _ in range(2)]
    return MutualTexts(design.d_model, *pairs, heads=design.heads)


def _modality_fusion(design: Design, reads: Sequence[Read]) -> nn.Module:
    d_model, heads, dropout = design.d_model, design.heads, design.dropout
    if len(reads) == 1 or design.modality_fusion == "concat":
        return ConcatFusion(d_model, reads=reads, heads=heads)
    if design.modality_fusion == "cross":
        return CrossAttentionFusion(d_model, reads=reads, heads=heads, dropout=dropout)
    if design.modality_fusion == "mag":
        return MagFusion(d_model, reads=reads, heads=heads, beta=design.mag_beta, dropout=dropout)
    if design.modality_fusion == "bottleneck":
        return BottleneckFusion(
            d_model,
            reads=reads,
            heads=heads,
            layers=design.fusion_layers,
            bottlenecks=design.bottlenecks,
            dropout=dropout,
        )
    return TransformerFusion(
        d_model, reads=reads, heads=heads, layers=design.fusion_layers, dropout=dropout
    )
