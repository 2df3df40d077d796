"""Bidirectional attention between structured values put into words and a narrative (BiA).

The exchange is BiDAF's: one similarity between the tokens of two sides, a softmax each way, and
each token is then told what of the other side concerns it.

References
----------
Seo et al., Bidirectional attention flow for machine comprehension, ICLR 2017.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from einops import einsum, rearrange
from torch import Tensor, nn

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.fusion.attention import Attention, through
from fusehr.models.networks.hiding import ModalityDropout
from fusehr.models.networks.lstm import mlp
from fusehr.models.networks.projectors import Missing


class BidirectionalFusion(nn.Module):
    """One or two sides of tokens: self-attention, exchange, masked mean of each, MLP.

    widths: of a token of each of two modalities; a single one has none to exchange with, and its
    encoded tokens go to the mean as they are. places: tokens of each at most; a token's place
    says what it is of. by_place: modalities with a projection for each place, as values differ in
    other directions at every place. hidden: widths of the head's layers behind the means.
    hidden_share: see ModalityDropout. Of a modality that a sample lacks there is one learned token.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        places: Mapping[str, int],
        n_classes: int,
        *,
        by_place: Collection[str],
        d_model: int,
        heads: int,
        layers: int,
        hidden: Sequence[int],
        dropout: float,
        hidden_share: float,
    ) -> None:
        super().__init__()
        self.hide = ModalityDropout(hidden_share)
        self.names = tuple(widths)
        assert 1 <= len(self.names) <= 2
        # where one projection serves all places, the embedding alone says what a token is of
        scale = d_model**-0.5 if by_place else 1.0
        self.sides = nn.ModuleDict(
            {
                name: Side(
                    width,
                    places[name],
                    d_model,
                    by_place=name in by_place,
                    scale=scale,
                    heads=heads,
                    layers=layers,
                )
                for name, width in widths.items()
            }
        )
        if len(self.names) == 2:
            self.similarity = TrilinearSimilarity(d_model)
            self.exchange = nn.ModuleDict({name: Exchange(d_model) for name in self.names})
        self.dropout = nn.Dropout(dropout)
        wide = [len(self.names) * d_model, *hidden]
        self.head = mlp(wide, dropout=dropout)
        self.last = nn.Linear(wide[-1], n_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Each modality's tokens (b, k, width) -> logits (b, n_classes)."""
        batch = self.hide(batch)
        sides = [self.sides[name](batch[name]).tokens for name in self.names]
        told = self._exchanged(*sides) if len(sides) == 2 else [side.values for side in sides]
        pooled = [masked_mean(values, side.mask) for values, side in zip(told, sides, strict=True)]
        fused = self.dropout(torch.cat(pooled, dim=1))  # (b, sides * d)
        return self.last(self.head(fused))  # (b, sides * d) -> (b, n_classes)

    def _exchanged(self, first: Tokens, second: Tokens) -> list[Tensor]:
        """Both sides' values (b, n, d) and (b, m, d), each told of the other."""
        of_second, of_first = self._attention(first, second)  # (b, n, m) each
        heard = (
            einsum(of_second, second.values, "b n m, b m d -> b n d"),
            einsum(of_first, first.values, "b n m, b n d -> b m d"),
        )
        return [
            self.exchange[name](own.values, other)
            for name, own, other in zip(self.names, (first, second), heard, strict=True)
        ]

    @torch.no_grad()
    def attend(self, batch: Batch) -> dict[str, Tensor]:
        """How much the other side attends to each token of a sample, (b, k) summing to 1.

        The mean over the other side's tokens, followed back through self-attention; a single side
        is read as its mean. 0 on padding, and throughout where the modality is missing.
        """
        sides = [self.sides[name](batch[name]) for name in self.names]
        weights = self._read(*(side.tokens for side in sides))
        for place, side in enumerate(sides):
            for attention in reversed(side.attention):
                weights[place] = through(weights[place], attention)
        return {
            name: of_tokens * batch[name].mask
            for name, of_tokens in zip(self.names, weights, strict=True)
        }

    def _read(self, first: Tokens, second: Tokens | None = None) -> list[Tensor]:
        """How much of each side's tokens the other reads: (b, n), and (b, m) of a second one."""
        if second is None:
            return [first.mask / first.mask.sum(dim=1, keepdim=True)]
        of_second, of_first = self._attention(first, second)
        return [
            masked_mean(rearrange(of_first, "b n m -> b m n"), second.mask),
            masked_mean(of_second, first.mask),
        ]

    def _attention(self, first: Tokens, second: Tokens) -> tuple[Tensor, Tensor]:
        """From each of the first side's tokens to the second's, and back: (b, n, m) each.

        The one sums to 1 over m, the other over n.
        """
        scores = self.similarity(first.values, second.values)  # (b, n, m)
        of_second = scores.masked_fill(~second.mask[:, None, :], -torch.inf).softmax(dim=2)
        of_first = scores.masked_fill(~first.mask[:, :, None], -torch.inf).softmax(dim=1)
        return of_second, of_first


@dataclass(frozen=True)
class Encoded:
    """A side's tokens (b, k, d_model), and the weights (b, k, k) of each of its layers."""

    tokens: Tokens
    attention: tuple[Tensor, ...]


class Side(nn.Module):
    """One modality's tokens, told their place and modality, and attending to one another."""

    def __init__(
        self,
        width: int,
        places: int,
        d_model: int,
        *,
        by_place: bool,
        scale: float,
        heads: int,
        layers: int,
    ) -> None:
        super().__init__()
        self.project = (
            LinearByPlace(places, width, d_model) if by_place else nn.Linear(width, d_model)
        )
        self.norm = nn.LayerNorm(d_model)
        self.place = nn.Parameter(torch.randn(places, d_model) * scale)
        self.modality = nn.Parameter(torch.randn(d_model) * scale)
        self.missing = Missing(d_model)
        self.layers = nn.ModuleList(SelfAttention(d_model, heads=heads) for _ in range(layers))

    def forward(self, tokens: Tokens) -> Encoded:
        """Tokens (b, k, width) -> (b, k, d_model), of each sample one at least."""
        place = self.place[: tokens.mask.shape[1]]  # (k, d)
        states = self.norm(self.project(tokens.values)) + place + self.modality
        told, attention = self.missing(states, tokens.mask), []
        for layer in self.layers:
            told, weights = layer(told)
            attention.append(weights)
        return Encoded(told, tuple(attention))


class LinearByPlace(nn.Module):
    """A linear map of its own at each place; the bias is the place's embedding, added later."""

    def __init__(self, places: int, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(places, d_in, d_out) * d_in**-0.5)

    def forward(self, values: Tensor) -> Tensor:
        """values (b, k, d_in), k at most `places` -> (b, k, d_out)."""
        return einsum(values, self.weight[: values.shape[1]], "b k i, k i o -> b k o")


class SelfAttention(nn.Module):
    """Self-attention alone, with the norm before it and a residual."""

    def __init__(self, d_model: int, *, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.attention = Attention(d_model, heads=heads)

    def forward(self, tokens: Tokens) -> tuple[Tokens, Tensor]:
        """Tokens (b, k, d) -> tokens (b, k, d), and weights (b, k, k)."""
        normed = self.norm(tokens.values)
        attended, weights = self.attention(normed, Tokens(normed, tokens.mask))
        return Tokens(tokens.values + attended, tokens.mask), weights


class TrilinearSimilarity(nn.Module):
    """S_ij = w . [h_i; u_j; h_i * u_j], without the (b, n, m, 3 d) of its definition."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, d_model) * (3 * d_model) ** -0.5)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """first (b, n, d), second (b, m, d) -> (b, n, m)."""
        of_first, of_second, of_both = self.weight
        product = einsum(first * of_both, second, "b n d, b m d -> b n m")
        return product + (first @ of_first)[:, :, None] + (second @ of_second)[:, None, :]


class Exchange(nn.Module):
    """A token h and what it heard, g: [h; g; h * g; h - g] to d_model with ReLU, added to h.

    A layer for each part, as their sum is a layer on all; h - g needs none, being linear in both.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.own = nn.Linear(d_model, d_model)
        self.heard = nn.Linear(d_model, d_model, bias=False)
        self.both = nn.Linear(d_model, d_model, bias=False)

    def forward(self, own: Tensor, heard: Tensor) -> Tensor:
        """own, heard (b, k, d) -> (b, k, d)."""
        mixed = self.own(own) + self.heard(heard) + self.both(own * heard)
        return own + mixed.relu()


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values (b, k, d) over the k where mask (b, k), some of which are true; (b, d)."""
    return einsum(values, mask.to(values), "b k d, b k -> b d") / mask.sum(dim=1, keepdim=True)
