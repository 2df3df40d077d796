"""How the learning rate goes up and down again."""

from __future__ import annotations

import math


def rate_scale(step: int, steps: int, warmup: float) -> float:
    """Of the highest rate in `step` (from 0) of `steps`: in (0, 1].

    Grows evenly over the share `warmup` of all steps, then falls as a cosine.
    """
    first = max(round(steps * warmup), 1)
    if step < first:
        return (step + 1) / first
    return 0.5 * (1 + math.cos(math.pi * (step - first) / max(steps - first, 1)))
