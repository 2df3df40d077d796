"""Means of vectors by group."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array


def mean_vectors(table: np.ndarray, group: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Mean of the rows of `table` (m, d) in each group, (n_groups, d) float32.

    group, row: int64 (total,), pairs; groups are 0 to n_groups - 1, ascending, each with a row at
    least. One product with a sparse matrix, whose sums run in the pairs' order.
    """
    sizes = np.bincount(group)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shares = (1 / sizes)[group].astype(np.float32)
    weights = csr_array((shares, row, starts), shape=(len(sizes), len(table)))
    return np.asarray(weights @ table, dtype=np.float32)
