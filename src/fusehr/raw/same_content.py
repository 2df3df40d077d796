"""Patients whom no split may part, as the same image or text stands with each of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def joined_by(patients: pd.Series, contents: pd.Series) -> pd.Series:
    """The lowest id among the patients joined to each row's own, directly or through others.

    patients: int64 ids by row; contents: what is equal for equal images or texts, null where a row
    has none.
    """
    codes, ids = pd.factorize(patients, sort=True)
    content_codes, distinct = pd.factorize(contents)
    shared = content_codes >= 0
    n = len(ids)
    ends = (codes[shared], n + content_codes[shared])
    graph = coo_array((np.ones(shared.sum()), ends), shape=(n + len(distinct),) * 2)
    _, group = connected_components(graph, directed=False)
    lowest = pd.Series(ids).groupby(group[:n]).min()
    return pd.Series(lowest.loc[group[codes]].to_numpy(), index=patients.index)
