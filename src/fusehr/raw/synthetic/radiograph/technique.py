"""How a film was taken: pose, breath, exposure, collimation. Another for every film."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from fusehr.raw.synthetic.arrays import Bools
from fusehr.raw.synthetic.radiograph.shapes import Scalars

# Films differ little in mean grey, as histogram-equalised ones do: were it to vary with exposure,
# that would hide any flaw of the construction from the tests.
MEAN, MEAN_SPREAD = 0.45, 0.008  # of the grey range
CONTRAST, CONTRAST_SPREAD = 0.215, 0.10  # standard deviation of grey; of its logarithm


@dataclass(frozen=True)
class Technique:
    """n films. Lengths in the units of `shapes`.

    portable: lying in bed, from the front (AP); else standing, from the back (PA). turn: in
    radians, of the picture. right, down: shift. zoom: magnification. oblique: shift of what lies in
    front against what lies behind. breath: how far the domes are lowered. mean, contrast, skew: of
    the distribution of grey. quanta, electronic: noise, as shares of the grey range. borders: (n,
    4) of the collimator, left, right, top, bottom. marked: a lead letter lies on the film.
    marker: (n, 2) where.
    """

    portable: Bools
    turn: Scalars
    right: Scalars
    down: Scalars
    zoom: Scalars
    oblique: Scalars
    breath: Scalars
    mean: Scalars
    contrast: Scalars
    skew: Scalars
    quanta: Scalars
    electronic: Scalars
    borders: Scalars
    marked: Bools
    marker: Scalars

    def take(self, rows: slice) -> Technique:
        """The films of `rows`."""
        return Technique(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def draw_technique(rng: np.random.Generator, portable: Bools) -> Technique:
    """Portable films are taken closer, in worse pose and breath, and are noisier."""
    n = len(portable)
    worse = np.where(portable, 1.0, 0.6)

    def normal(sd: float) -> Scalars:
        return (sd * rng.standard_normal(n)).astype(np.float32)

    borders = np.clip(rng.normal(-0.01, 0.035, (n, 4)), 0, 0.1)
    return Technique(
        portable=portable,
        turn=np.clip(worse * normal(0.05), -0.14, 0.14).astype(np.float32),
        right=np.clip(worse * normal(0.055), -0.13, 0.13).astype(np.float32),
        down=np.clip(worse * normal(0.06), -0.14, 0.14).astype(np.float32),
        zoom=(np.where(portable, 1.03, 0.99) + normal(0.04)).astype(np.float32),
        oblique=np.clip(worse * normal(0.03), -0.07, 0.07).astype(np.float32),
        breath=np.clip(np.where(portable, -0.06, 0.01) + normal(0.05), -0.18, 0.1).astype(
            np.float32
        ),
        mean=(MEAN + normal(MEAN_SPREAD)).astype(np.float32),
        contrast=CONTRAST * np.exp(np.clip(normal(CONTRAST_SPREAD), -0.35, 0.35)),
        skew=np.clip(normal(0.12), -0.3, 0.3).astype(np.float32),
        quanta=(np.where(portable, 0.032, 0.022) * np.exp(normal(0.25))).astype(np.float32),
        electronic=(0.008 * np.exp(normal(0.2))).astype(np.float32),
        borders=borders.astype(np.float32),
        marked=rng.random(n) < 0.8,
        marker=np.stack([0.72 + 0.16 * rng.random(n), -0.9 + 0.1 * rng.random(n)], axis=1).astype(
            np.float32
        ),
    )
