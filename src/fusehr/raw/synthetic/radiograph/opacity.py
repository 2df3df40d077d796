"""The opacity: a soft-edged patch in a lung, or its equal outside the lungs.

Every film carries exactly one patch of the same size, shape and contrast distribution: inside a
lung field where there is an opacity, elsewhere in the body where there is none. The place outside
is one as grey as the place in the lung would have been. So brightness, histogram and
edges say nothing; only where the patch lies, within the anatomy, does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.raw.synthetic.arrays import Bools, Ints
from fusehr.raw.synthetic.radiograph.anatomy import Anatomy
from fusehr.raw.synthetic.radiograph.shapes import Plane, Scalars, clouds, each
from fusehr.raw.synthetic.radiograph.technique import Technique
from fusehr.raw.synthetic.radiograph.thorax import APEX, Chest, chest_wall, on_film

CONTRAST, CONTRAST_SPREAD = 0.20, 0.15  # of the grey range; of its logarithm
RADIUS = (0.115, 0.175)  # where the patch has half its contrast
INSIDE, OUTSIDE = 12, 64  # places tried in the lungs, and elsewhere
_RING = np.linspace(0, 2 * np.pi, 8, endpoint=False, dtype=np.float32)


@dataclass(frozen=True)
class Places:
    """n places in a lung. right: which lung. across: 0 at its inner border, 1 at the chest wall.
    depth: 0 at its top, 1 at its base."""

    right: Bools
    across: Scalars
    depth: Scalars

    def take(self, rows: Ints) -> Places:
        """The places of `rows`, which may be named several times."""
        return Places(self.right[rows], self.across[rows], self.depth[rows])

    def shifted(self, rng: np.random.Generator) -> Places:
        """Nearly the same places, as on the next day's film."""
        n = len(self.right)
        nudge = (0.05 * rng.standard_normal((2, n))).astype(np.float32)
        return Places(
            self.right, np.clip(self.across + nudge[0], 0, 1), np.clip(self.depth + nudge[1], 0, 1)
        )


@dataclass(frozen=True)
class Patches:
    """n patches as drawn. x, y, radius: on the film, in half sides. contrast: of the grey range."""

    x: Scalars
    y: Scalars
    radius: Scalars
    contrast: Scalars


def draw_places(rng: np.random.Generator, n: int) -> Places:
    """Anywhere in either lung."""
    u = rng.random((3, n), dtype=np.float32)
    return Places(u[0] < 0.5, u[1], u[2])


def draw_patches(
    rng: np.random.Generator,
    opacity: Bools,
    places: Places,
    people: Anatomy,
    technique: Technique,
    chest: Chest,
    field: Plane,
) -> tuple[Plane, Patches]:
    """What the patches add to the grey of each film. `field`: within the collimator's borders."""
    n, size = len(opacity), field.shape[1]
    u = rng.random((3, n), dtype=np.float32)
    radius = RADIUS[0] + (RADIUS[1] - RADIUS[0]) * u[0]
    contrast = CONTRAST * np.exp(CONTRAST_SPREAD * rng.standard_normal(n, dtype=np.float32))
    in_x, in_y = _in_lung(rng, places, people, technique, chest, radius)
    out_x, out_y = _elsewhere(rng, chest, field, radius)
    x, y = np.where(opacity, in_x, out_x), np.where(opacity, in_y, out_y)
    patches = Patches(x=x, y=y, radius=radius, contrast=contrast)
    profile = _profile(rng, patches, 0.75 + 0.5 * u[1], np.float32(np.pi) * u[2], size)
    return each(contrast) * profile, patches


def _profile(
    rng: np.random.Generator, patches: Patches, aspect: Scalars, tilt: Scalars, size: int
) -> Plane:
    """Flat within, fading over half its radius, with a ragged edge."""
    centre = ((np.arange(size) + 0.5) * (2 / size) - 1).astype(np.float32)
    dx, dy = centre[None, None, :] - each(patches.x), centre[None, :, None] - each(patches.y)
    cos, sin = each(np.cos(tilt)), each(np.sin(tilt))
    stretch = each(np.sqrt(aspect) * patches.radius), each(patches.radius / np.sqrt(aspect))
    along, across = (cos * dx + sin * dy) / stretch[0], (cos * dy - sin * dx) / stretch[1]
    rho = np.sqrt(along * along + across * across)
    rho = rho * (1 + 0.14 * clouds(rng, len(dx), size, 12))
    t = np.clip((1.5 - rho) / 1.0, 0, 1)
    return t * t * (3 - 2 * t)


def _at(planes: Plane, x: Scalars, y: Scalars) -> Scalars:
    """Values (n, k) of planes at points (n, k) of the film."""
    size = planes.shape[1]
    column = np.clip(((x + 1) * (size / 2)).astype(np.int64), 0, size - 1)
    row = np.clip(((y + 1) * (size / 2)).astype(np.int64), 0, size - 1)
    return planes[np.arange(len(planes))[:, None], row, column]


def _around(planes: Plane, x: Scalars, y: Scalars, radius: Scalars, reach: float) -> Scalars:
    """(n, k) mean of planes over rings of `reach` radii about points (n, k), and the points."""
    total = _at(planes, x, y)
    for angle in _RING:
        step = reach * radius[:, None]
        total = total + _at(planes, x + step * np.cos(angle), y + step * np.sin(angle))
    return total / (len(_RING) + 1)


def _in_lung(
    rng: np.random.Generator,
    places: Places,
    people: Anatomy,
    technique: Technique,
    chest: Chest,
    radius: Scalars,
) -> tuple[Scalars, Scalars]:
    """Where each place lies on its film.

    Nearby places are tried too: where the heart or a dome covers the place itself, the patch moves
    to the nearest one at which it is seen.
    """
    n = len(radius)
    tried = np.arange(INSIDE, dtype=np.float32)
    shift = 0.045 * tried * rng.standard_normal((2, n, INSIDE), dtype=np.float32)
    across = np.clip(places.across[:, None] + shift[0], 0, 1)
    depth = np.clip(places.depth[:, None] + shift[1], 0, 1)
    top = APEX + 0.19
    bottom = (people.base + technique.breath - 0.10)[:, None]
    y = top + (bottom - top) * depth
    wall = chest_wall((y - APEX) / (people.base + 0.30 - APEX)[:, None])
    inner = people.mediastinum[:, None] + 0.9 * radius[:, None]
    outer = np.maximum(wall - 0.9 * radius[:, None], inner)
    x = (inner + (outer - inner) * across) * np.where(places.right, -1, 1)[:, None]
    u, v = on_film(people, technique, x.astype(np.float32), y.astype(np.float32))
    seen = _around(chest.lungs, u, v, radius, 0.8)
    best = np.argmax(seen - 0.015 * tried, axis=1)[:, None]
    u, v = np.take_along_axis(u, best, 1), np.take_along_axis(v, best, 1)
    return u[:, 0], v[:, 0]


def _elsewhere(
    rng: np.random.Generator, chest: Chest, field: Plane, radius: Scalars
) -> tuple[Scalars, Scalars]:
    """A place in the body, clear of the lungs."""
    n = len(radius)
    u, v = 1.8 * rng.random((2, n, OUTSIDE), dtype=np.float32) - np.float32(0.9)
    cost = 4 * _around(chest.lungs, u, v, radius, 1.0)
    cost += 2 * (1 - _around(chest.trunk * field, u, v, radius, 0.8))
    cost += 0.3 * rng.random((n, OUTSIDE), dtype=np.float32)  # among good places, any
    best = np.argmin(cost, axis=1)[:, None]
    return np.take_along_axis(u, best, 1)[:, 0], np.take_along_axis(v, best, 1)[:, 0]
