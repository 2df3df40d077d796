"""Batches of texts that are equally long, so that no text is padded and none disturbs another.

The bits of a matrix product depend on the shapes multiplied: in a batch padded to its longest
text, a text's vector depends on its neighbours. Here a batch holds texts of one number of tokens
and always the same number of them; what is missing of the last one is filled with copies. A text
then meets the same shapes whatever is encoded with it, and nothing is spent on padding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

MOST_ROWS = 256  # of the shortest texts; more brings nothing and delays the last batch


@dataclass
class Batch:
    """ids: int64 (n_rows, length), the last ones copies; rows: int64 (n,), n <= n_rows."""

    ids: np.ndarray
    rows: np.ndarray


@dataclass
class _Waiting:
    ids: list[list[int]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


def rows_of(length: int, tokens_per_batch: int) -> int:
    """Texts in a batch of texts of `length` tokens: a function of these two alone."""
    return max(1, min(MOST_ROWS, tokens_per_batch // length))


def batches(texts: Iterable[tuple[int, list[int]]], tokens_per_batch: int) -> Iterator[Batch]:
    """Batches of (number, token ids), each yielded once full; the rest, shortest first, at the end.

    At most `tokens_per_batch` tokens wait for each length that occurs.
    """
    waiting: dict[int, _Waiting] = {}
    for row, ids in texts:
        length = len(ids)
        group = waiting.setdefault(length, _Waiting())
        group.ids.append(ids)
        group.rows.append(row)
        if len(group.rows) == rows_of(length, tokens_per_batch):
            yield _filled(waiting.pop(length), len(group.rows))
    for length in sorted(waiting):
        yield _filled(waiting[length], rows_of(length, tokens_per_batch))


def _filled(group: _Waiting, n_rows: int) -> Batch:
    ids = np.array(group.ids, dtype=np.int64)
    copies = np.repeat(ids[:1], n_rows - len(ids), axis=0)
    return Batch(np.concatenate([ids, copies]), np.array(group.rows, dtype=np.int64))
