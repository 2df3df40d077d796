"""Which of the words (or codes) that are common enough a sample has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from scipy.sparse import csr_array

from fusehr.core.metrics import Array


def bag(words: Sequence[Collection[str]], fitted: Array, *, min_share: float) -> csr_array:
    """0/1 float (n, d): a column for each word that `min_share` of the fitted samples have.

    words: of each sample, each word once; fitted: bool (n,), the samples that columns come from.
    """
    of_fitted = [of_sample for of_sample, used in zip(words, fitted, strict=True) if used]
    found = Counter(word for of_sample in of_fitted for word in of_sample)
    common = sorted(w for w, n in found.items() if n >= min_share * len(of_fitted))
    column = {word: k for k, word in enumerate(common)}
    held = [sorted(column[w] for w in of_sample if w in column) for of_sample in words]
    columns = np.array([k for of_sample in held for k in of_sample], dtype=np.int32)
    ends = np.cumsum([0, *(len(of_sample) for of_sample in held)], dtype=np.int32)
    return csr_array((np.ones(len(columns)), columns, ends), shape=(len(words), len(common)))
