"""Probabilities of levels in a chat model's answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

import numpy as np

# how far numbers rounded to two decimals may be from a sum of 1
ROUNDING = 0.02
_OBJECT = re.compile(r"\{[^{}]*\}")


def probabilities(answer: str, levels: Sequence[str]) -> np.ndarray | None:
    """float64 (n_levels,), which sum to 1; None where the answer does not hold just that.

    The answer is one JSON object, with or without words around it, that gives each level once, and
    nothing else, a number from 0 to 1; together they are 1 but for rounding.
    """
    found = _OBJECT.findall(answer)
    if len(found) != 1:
        return None
    try:
        pairs: list[tuple[str, object]] = json.loads(found[0], object_pairs_hook=list)
    except ValueError:
        return None
    told = {name: _probability(value) for name, value in pairs}
    given = [told.get(level) for level in levels]
    if len(pairs) != len(levels) or any(p is None for p in given):
        return None
    p = np.array(given, dtype=np.float64)
    total = p.sum()
    return p / total if abs(total - 1) <= ROUNDING else None


def _probability(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value <= 1 else None
