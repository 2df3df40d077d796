"""Who is on the film: habitus, heart, bones. The same on every film of a person.

Nothing here depends on how ill a patient is: the image holds its own part of the risk and no other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from fusehr.raw.synthetic.arrays import Bools, Floats, Ints
from fusehr.raw.synthetic.radiograph.shapes import Scalars


@dataclass(frozen=True)
class Anatomy:
    """n people. Lengths in the units of `shapes`, for a chest of average width.

    width, height: of the chest, 1 on average. fat: thickness at the flank. breast: shadow of the
    breasts, 0 for men. heart_ratio: width of the heart over that of the chest (CTR). heart_tilt: in
    radians. knob: radius of the aortic arch. mediastinum: its half-width. base: height of the
    right dome; lower: how much lower the left one lies. spacing: of the ribs. slope: of their
    course. clavicle: height of its inner end. vessels: strength of the lungs' markings.
    bubble: of gas in the stomach, 0 for none. phase: (n, 4) of what repeats. pacemaker: worn.
    """

    width: Scalars
    height: Scalars
    fat: Scalars
    breast: Scalars
    heart_ratio: Scalars
    heart_tilt: Scalars
    knob: Scalars
    mediastinum: Scalars
    base: Scalars
    lower: Scalars
    spacing: Scalars
    slope: Scalars
    clavicle: Scalars
    vessels: Scalars
    bubble: Scalars
    phase: Scalars
    pacemaker: Bools

    def __len__(self) -> int:
        return len(self.width)

    def take(self, rows: Ints | slice) -> Anatomy:
        """The people of `rows`, who may be named several times."""
        return Anatomy(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


PACEMAKER = 0.05  # of people


def draw_anatomy(rng: np.random.Generator, female: Bools, bmi: Floats) -> Anatomy:
    """`bmi` in kg/m2; it makes the flanks thicker and the chest a little wider."""
    n = len(female)

    def normal(mean: float, sd: float, low: float, high: float) -> Scalars:
        return np.clip(mean + sd * rng.standard_normal(n), low, high).astype(np.float32)

    size = np.clip((bmi - 27) / 6, -1.5, 3)
    return Anatomy(
        width=normal(1, 0.045, 0.88, 1.1) + (0.015 * size).astype(np.float32),
        height=normal(1, 0.06, 0.85, 1.15),
        fat=(normal(0.10, 0.02, 0.05, 0.16) + 0.03 * size).astype(np.float32),
        breast=np.where(female, normal(0.06, 0.03, 0, 0.14), 0).astype(np.float32),
        heart_ratio=normal(0.49, 0.06, 0.36, 0.66),
        heart_tilt=normal(0.55, 0.14, 0.2, 0.9),
        knob=normal(0.1, 0.015, 0.06, 0.14),
        mediastinum=normal(0.115, 0.018, 0.08, 0.16),
        base=normal(0.44, 0.05, 0.3, 0.56),
        lower=normal(0.045, 0.025, -0.02, 0.1),
        spacing=normal(0.148, 0.009, 0.125, 0.17),
        slope=normal(0.20, 0.06, 0.05, 0.36),
        clavicle=normal(-0.55, 0.04, -0.64, -0.46),
        vessels=normal(1, 0.25, 0.4, 1.8),
        bubble=np.where(rng.random(n) < 0.45, normal(0.12, 0.03, 0.07, 0.18), 0).astype(np.float32),
        phase=rng.random((n, 4), dtype=np.float32),
        pacemaker=rng.random(n) < PACEMAKER,
    )
