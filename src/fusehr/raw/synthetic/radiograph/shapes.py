"""Soft-edged shapes on a batch of planes (n, size, size), in float32.

Lengths are in units of half the film's side, as seen at a body of average width: x runs from -1 at
the film's left (the patient's right) to 1, y from -1 at the top to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Always float32; NumPy's own types make float64 of a product with a Python number.
Plane = NDArray[np.floating[Any]]  # (n, size, size)
Scalars = NDArray[np.floating[Any]]  # (n,), one number a film


def each(values: Scalars) -> Plane:
    """(n,) as (n, 1, 1), to go with planes."""
    return values[:, None, None]


def inside(distance: Plane, softness: float | Plane) -> Plane:
    """1 where the signed distance to an edge is well above 0, 0 well below; smooth between."""
    t = np.clip(distance / (2 * softness) + np.float32(0.5), 0, 1)
    return t * t * (3 - 2 * t)


def ellipse(
    x: Plane, y: Plane, centre: tuple[Plane, Plane], axes: tuple[Plane, Plane], tilt: Plane
) -> Plane:
    """Signed distance, about: positive inside. `tilt` in radians, clockwise as seen."""
    dx, dy = x - centre[0], y - centre[1]
    cos, sin = np.cos(tilt), np.sin(tilt)
    along, across = (cos * dx + sin * dy) / axes[0], (cos * dy - sin * dx) / axes[1]
    return (1 - np.sqrt(along * along + across * across)) * np.minimum(axes[0], axes[1])


def clouds(rng: np.random.Generator, n: int, size: int, cells: int) -> Plane:
    """Smooth noise of mean 0 and variance about 0.4, with `cells` bumps on a side."""
    knots = rng.standard_normal((n, cells + 1, cells + 1), dtype=np.float32)
    at = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(cells / size)
    low = at.astype(np.int64)
    part = at - low.astype(np.float32)
    part = part * part * (3 - 2 * part)
    # along one axis after the other; no matrix product, whose sums may depend on the thread count
    rows = knots[:, low] * (1 - part)[:, None] + knots[:, low + 1] * part[:, None]
    return rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part
