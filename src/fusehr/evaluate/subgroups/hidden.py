"""Which groups of a restricted source are hidden.

The groups of an attribute add up to the test fold, whose sizes are known. So the hidden ones are
never one alone, and together no small cell either: the smallest of the others go with them.
"""

from __future__ import annotations

import numpy as np

from fusehr.core.metrics import Array


def hidden_groups(cells: Array, *, small: int) -> Array:
    """bool (g,) for counts (g, c) of g groups, the first column being their samples."""
    hidden: Array = np.any(cells < small, axis=1)
    for smallest in np.argsort(cells[:, 0], kind="stable"):
        alone = hidden.sum() == 1
        if hidden.any() and (alone or (cells[hidden].sum(axis=0) < small).any()):
            hidden[smallest] = True
    return hidden
