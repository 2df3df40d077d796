"""Rows of vectors that a query found for texts, every one of which must have been embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fusehr.core.frame.errors import InputError


def embedded_rows(vector_row: Any, path: Path, *, kind: str) -> np.ndarray:
    """`vector_row` (total,), of a left join with the vectors in `path`, as int64.

    kind: of text, as in `embed.texts`. Raises InputError where a text has no vector.
    """
    lacking = np.ma.getmaskarray(vector_row)
    if lacking.any():
        raise InputError(
            f"{path}: expected a vector for each of {len(lacking)} {kind}, found none for "
            f"{lacking.sum()}; embed.texts must name {kind}"
        )
    return np.ma.getdata(vector_row).astype(np.int64)
