"""Wires and tubes on the film: bright, sharp, and told by nothing but chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.raw.synthetic.arrays import Bools, Ints
from fusehr.raw.synthetic.radiograph.shapes import Plane, Scalars, each, inside
from fusehr.raw.synthetic.radiograph.thorax import Frame

# Share of films (portable, other) with each device. They do not go by what the chart says of lines
# and ventilation: a film then tells no severity.
LEADS, LINE, TUBE = (0.75, 0.2), (0.45, 0.06), (0.3, 0.0)
METAL = 0.30


@dataclass(frozen=True)
class Devices:
    """n films, whether each shows: leads of the ECG, a central line, an endotracheal tube, a
    pacemaker. place: (n, 6) in [0, 1), where exactly."""

    leads: Bools
    line: Bools
    tube: Bools
    pacemaker: Bools
    place: Scalars

    def take(self, rows: Ints | slice) -> Devices:
        """The films of `rows`."""
        return Devices(**{name: column[rows] for name, column in vars(self).items()})

    def support(self) -> Bools:
        """What a radiologist would call a support device; leads are seldom mentioned."""
        return self.line | self.tube | self.pacemaker


def draw_devices(rng: np.random.Generator, portable: Bools, pacemaker: Bools) -> Devices:
    """`pacemaker`: worn by the person."""
    n = len(portable)
    chance = rng.random((3, n))
    shares = np.where(portable, *np.array([LEADS, LINE, TUBE]).T[:, :, None])
    leads, line, tube = chance < shares
    return Devices(leads, line, tube, pacemaker, rng.random((n, 6), dtype=np.float32))


def device_path(devices: Devices, frame: Frame, oblique: Scalars) -> Plane:
    """(n, size, size) what the devices add to the attenuation."""
    path = np.zeros_like(frame.x)
    for shown, shape in (
        (devices.leads, _leads),
        (devices.line, _line),
        (devices.tube, _tube),
        (devices.pacemaker, _pacemaker),
    ):
        rows = np.flatnonzero(shown)
        if len(rows):
            x = frame.x[rows] - each(oblique[rows])
            path[rows] += METAL * shape(devices.place[rows], x, frame.y[rows], frame.pixel)
    return path


def _wire(distance: Plane, half: float, pixel: float) -> Plane:
    """A wire at least a pixel wide, fainter where it is thinner than that."""
    seen = max(half, 0.5 * pixel)
    return min(1.0, 0.45 + half / seen) * inside(seen - np.abs(distance), 0.5 * pixel)


def _leads(place: Scalars, x: Plane, y: Plane, pixel: float) -> Plane:
    """Three electrodes with their wires, which leave the film below or to the side."""
    drawn = np.zeros_like(x)
    for k, (x0, y0) in enumerate(((-0.60, -0.42), (0.58, -0.46), (0.52, 0.36))):
        at_x, at_y = x0 + 0.12 * (place[:, k] - 0.5), y0 + 0.16 * (place[:, k + 1] - 0.5)
        dx, dy = x - each(at_x), y - each(at_y)
        disc = inside(0.028 - np.sqrt(dx * dx + dy * dy), 0.6 * pixel)
        sway = each(0.5 * (place[:, 3] - 0.5) - 0.22 * np.float32(np.sign(x0)))
        course = dx - sway * dy - each(0.45 * (place[:, 5] - 0.5)) * dy * dy
        drawn = np.maximum(drawn, np.maximum(disc, 0.6 * _wire(course, 0.007, pixel) * (dy > 0)))
    return drawn


def _line(place: Scalars, x: Plane, y: Plane, pixel: float) -> Plane:
    """From the right side of the neck into the superior vena cava."""
    tip = each(-0.12 + 0.16 * (place[:, 0] - 0.5))
    out = each(0.10 + 0.22 * place[:, 1])
    course = x + 0.085 + out * np.square(np.clip((-0.36 - y) / 0.6, 0, 1.2))
    return 0.7 * _wire(course, 0.010, pixel) * (y < tip)


def _tube(place: Scalars, x: Plane, y: Plane, pixel: float) -> Plane:
    """Two walls in the windpipe, one bright line where they cannot be told apart."""
    tip = each(-0.36 + 0.12 * (place[:, 2] - 0.5))
    column = x + 0.012 - each(0.05 * (place[:, 3] - 0.5)) * (y + 0.3)
    walls = _wire(np.abs(column) - 0.022, 0.007, pixel)
    return 0.8 * walls * (y < tip)


def _pacemaker(place: Scalars, x: Plane, y: Plane, pixel: float) -> Plane:
    """The can below the left collar bone and its lead to the right ventricle."""
    at_x, at_y = each(0.52 + 0.08 * place[:, 4]), each(-0.40 + 0.08 * place[:, 5])
    corner = np.maximum(np.abs(x - at_x) / 1.15, np.abs(y - at_y))
    round_ = np.sqrt(np.square((x - at_x) / 1.2) + np.square(y - at_y))
    can = inside(0.092 - np.maximum(corner, 0.8 * round_), 0.7 * pixel)
    # up and over from the can, then down through the vena cava to the heart's tip
    over = _wire(y + 0.42 + 0.35 * (x - 0.05) * (0.5 - x), 0.009, pixel)
    over = over * (x > -0.03) * (x < at_x)
    down = _wire(x + 0.06 - 0.9 * np.square(np.clip(y + 0.05, 0, 1)), 0.009, pixel)
    down = down * (y > -0.42) * (y < 0.32)
    return np.maximum(1.3 * can, 0.7 * np.maximum(over, down))
