"""Two texts made one stream, and a trace of each token in it back to the texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from einops import rearrange
from torch import Tensor, nn

from fusehr.models.networks.batch import Tokens
from fusehr.models.networks.fusion.streams import AttentionPool, joined

Trace = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Stream:
    """Tokens of one modality or of two made one, one or more a sample.

    traces: for each modality in it, weights (b, k) on the stream's tokens as weights (b, k') on
    the modality's own.
    """

    tokens: Tokens
    traces: Mapping[str, Trace]


class JoinedTexts(nn.Module):
    """The tokens of both, one text behind the other."""

    def forward(self, notes: Stream, summary: Stream) -> Stream:
        """Streams (b, k, d) and (b, m, d) -> (b, k + m, d)."""
        k = notes.tokens.mask.shape[1]
        traces = _through(notes.traces, lambda weights: weights[:, :k])
        traces |= _through(summary.traces, lambda weights: weights[:, k:])
        return Stream(joined([notes.tokens, summary.tokens]), traces)


class MutualTexts(nn.Module):
    """Each token joined with the other text's pooled vector; then the tokens of both.

    The published ways to join two vectors (see pairs), where each text is its tokens.
    """

    def __init__(
        self, d_model: int, notes_pair: nn.Module, summary_pair: nn.Module, *, heads: int
    ) -> None:
        super().__init__()
        self.notes_pair, self.summary_pair = notes_pair, summary_pair
        self.notes_pool = AttentionPool(d_model, heads=heads)
        self.summary_pool = AttentionPool(d_model, heads=heads)

    def forward(self, notes: Stream, summary: Stream) -> Stream:
        """Streams (b, k, d) and (b, m, d) -> (b, k + m, d)."""
        of_notes, notes_weights = self.notes_pool(notes.tokens)  # (b, d), (b, k)
        of_summary, summary_weights = self.summary_pool(summary.tokens)  # (b, d), (b, m)
        told_notes = _told(self.notes_pair, notes.tokens, of_summary)
        told_summary = _told(self.summary_pair, summary.tokens, of_notes)
        k = notes.tokens.mask.shape[1]

        def to_notes(weights: Tensor) -> Tensor:
            on_summary = weights[:, k:].sum(dim=1, keepdim=True)  # tokens that carry the notes too
            return weights[:, :k] + on_summary * notes_weights

        def to_summary(weights: Tensor) -> Tensor:
            on_notes = weights[:, :k].sum(dim=1, keepdim=True)
            return weights[:, k:] + on_notes * summary_weights

        return Stream(
            joined([told_notes, told_summary]),
            _through(notes.traces, to_notes) | _through(summary.traces, to_summary),
        )


class PairedTexts(nn.Module):
    """Two texts of one token each, joined by a module of `pairs`."""

    def __init__(self, pair: nn.Module) -> None:
        super().__init__()
        self.pair = pair

    def forward(self, notes: Stream, summary: Stream) -> Stream:
        """Streams (b, 1, d) and (b, 1, d) -> (b, 1, d)."""
        values = self.pair(notes.tokens.values, summary.tokens.values)
        return Stream(Tokens(values, notes.tokens.mask), {**notes.traces, **summary.traces})


def _told(pair: nn.Module, tokens: Tokens, other: Tensor) -> Tokens:
    values = pair(tokens.values, rearrange(other, "b d -> b 1 d"))  # (b, k, d)
    return Tokens(values * rearrange(tokens.mask, "b k -> b k 1"), tokens.mask)


def _through(traces: Mapping[str, Trace], first: Trace) -> dict[str, Trace]:
    return {
        name: lambda weights, trace=trace: trace(first(weights)) for name, trace in traces.items()
    }
