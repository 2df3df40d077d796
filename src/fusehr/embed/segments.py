"""A note's sentences as at most 23 segments, as in BiA: neighbours grouped as evenly as can be."""

from __future__ import annotations

from collections.abc import Sequence

from fusehr.core.embed_schemas import SEGMENTS


def segments(sentences: Sequence[str], most: int = SEGMENTS) -> list[str]:
    """Sentences joined, by single spaces, into at most `most` groups of neighbours.

    Sizes differ by one at most, larger groups first. Up to `most` sentences are a segment each, so
    that their texts are the sentences' own.
    """
    n = len(sentences)
    groups = min(n, most)
    if not groups:
        return []
    size, larger = divmod(n, groups)
    found, start = [], 0
    for group in range(groups):
        end = start + size + (group < larger)
        found.append(" ".join(sentences[start:end]))
        start = end
    return found
