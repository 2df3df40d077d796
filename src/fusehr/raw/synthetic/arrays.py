"""Array types, and the units of time: all times are int64 seconds since 1970-01-01."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MINUTE = 60
HOUR = 3600
DAY = 86_400

MISSING = -1  # an id or a time that a row does not have; written as an empty field


def choose(rng: np.random.Generator, shares: Floats, n: int) -> Ints:
    """`n` draws of the positions of `shares` (k,), which need not sum to 1."""
    edges = np.cumsum(shares / shares.sum())[:-1]
    return np.searchsorted(edges, rng.random(n), side="right").astype(np.int64)


def choose_each(rng: np.random.Generator, shares: Floats) -> Ints:
    """One position per row of `shares` (n, k), each row with its own weights."""
    edges = np.cumsum(shares, axis=1)
    mark = rng.random((len(shares), 1)) * edges[:, -1:]
    return (mark >= edges[:, :-1]).sum(axis=1).astype(np.int64)


def spread(counts: Ints) -> tuple[Ints, Ints]:
    """Owner and position within the owner of counts[0] + counts[1] + ... items.

    counts = [2, 0, 1] gives owners [0, 0, 2] and positions [0, 1, 0].
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - first[owner]
