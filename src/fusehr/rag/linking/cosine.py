"""The nearest disease by cosine, exactly, whatever the order of the arithmetic.

A matrix product in float32 gives scores that differ in the last bits with the number of threads,
the block and the place in it. So it only picks out the diseases within MARGIN of the best; those
are scored again in float64, each pair by itself, and of equal ones the lowest index is taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

NO_NODE = -1
# Error of a float32 product of unit vectors: below 1e-5 even when 4,096 terms are summed naively.
MARGIN = np.float32(2e-5)
# 128 MiB of scores at a time: smaller blocks slow the product down, larger ones gain nothing.
BLOCK_SCORES = 1 << 25


class Links(NamedTuple):
    """node: (m,) int64, index of the disease or NO_NODE; score: (m,) float64, best cosine."""

    node: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]


def link(mentions: Floats, diseases: Floats, threshold: float) -> Links:
    """The disease nearest to each mention, or none where its cosine is below `threshold`.

    mentions: (m, d) float; diseases: (n, d) float; neither need be of unit length. A mention's link
    depends on no other mention. `score` is the best cosine also where the threshold refuses it.

    Raises ValueError for shapes that do not fit, no disease at all, and vectors that are zero or
    not finite: a vector without direction has no nearest disease.
    """
    if mentions.ndim != 2 or diseases.ndim != 2 or mentions.shape[1] != diseases.shape[1]:
        raise ValueError(
            f"expected vectors (m, d) and (n, d), found {mentions.shape} and {diseases.shape}"
        )
    if len(diseases) == 0:
        raise ValueError("expected at least one disease, found none")
    mentions, diseases = _unit("mentions", mentions), _unit("diseases", diseases)
    node = np.empty(len(mentions), np.int64)
    score = np.empty(len(mentions), np.float64)
    size = max(1, min(BLOCK_SCORES // len(diseases), len(mentions)))
    buffer = np.empty((size, len(diseases)), np.float32)
    for start in range(0, len(mentions), size):
        block = mentions[start : start + size]  # (b, d)
        product = np.matmul(block, diseases.T, out=buffer[: len(block)])  # (b, n)
        least = product.max(axis=1) - MARGIN  # (b,)
        # Six times as fast as nonzero on two dimensions.
        row, column = divmod(np.flatnonzero(product >= least[:, None]), len(diseases))  # (k,) each
        exact = _cosines(block[row], diseases[column])
        # By mention; highest score first; the lowest index first among equal scores.
        order = np.lexsort((column, -exact, row))
        first = order[np.flatnonzero(np.diff(row, prepend=-1))]
        node[start : start + size] = column[first]
        score[start : start + size] = exact[first]
    return Links(np.where(score >= threshold, node, NO_NODE), score)


def _unit(name: str, vectors: Floats) -> npt.NDArray[np.float32]:
    """Vectors of length 1 in float32, contiguous. Raises ValueError as `link`."""
    vectors = np.ascontiguousarray(vectors, np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    bad = np.flatnonzero(~(np.isfinite(length) & (length > 0)))
    if len(bad):
        raise ValueError(
            f"{name}: expected finite vectors other than zero, found {len(bad)} that are not,"
            f" the first in row {bad[0]}"
        )
    return vectors / length[:, None]


def _cosines(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Cosine of each row of `a` (k, d) with the same row of `b` (k, d), each pair by itself."""
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    return np.einsum("ij,ij->i", a64, b64) / np.sqrt(
        np.einsum("ij,ij->i", a64, a64) * np.einsum("ij,ij->i", b64, b64)
    )
