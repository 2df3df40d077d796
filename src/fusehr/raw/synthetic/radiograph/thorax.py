"""The chest as X-rays see it: how much each ray is held back by tissue, air and bone.

Attenuation along a ray adds up, so that parts are added as thicknesses; a film shows the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.raw.synthetic.radiograph.anatomy import Anatomy
from fusehr.raw.synthetic.radiograph.shapes import Plane, Scalars, clouds, each, ellipse, inside
from fusehr.raw.synthetic.radiograph.technique import Technique

APEX = -0.76  # height of the lungs' tops
HALF = 0.70  # greatest half-width of the inner chest
# What a ray loses in each part, where the trunk at its thickest counts as 1.
AIR, HEART, MEDIASTINUM, BELLY, SPINE = 0.62, 0.17, 0.12, 0.14, 0.08
RIB, ANTERIOR_RIB, CLAVICLE, SCAPULA, HUMERUS = 0.115, 0.06, 0.15, 0.06, 0.16
# Unevenness of tissue and lung about as wide as an opacity: what makes opacities hard to tell.
MOTTLE, MOTTLE_CELLS = 0.16, 8
THINNEST = 0.06  # of any ray through the trunk


@dataclass(frozen=True)
class Frame:
    """Where each pixel lies in the body. `x`, `y`: planes; `pixel`: side of one."""

    x: Plane
    y: Plane
    pixel: float


@dataclass(frozen=True)
class Chest:
    """Planes of a batch. path: attenuation. lungs: seen air, 0 to 1. trunk: body, 0 to 1."""

    path: Plane
    lungs: Plane
    trunk: Plane


def pixel_centres(size: int) -> tuple[Plane, Plane]:
    """(1, 1, size) and (1, size, 1): where pixels lie on the film."""
    centre = ((np.arange(size) + 0.5) * (2 / size) - 1).astype(np.float32)
    return centre[None, None, :], centre[None, :, None]


def body_frame(people: Anatomy, technique: Technique, size: int) -> Frame:
    """Turn, shift and scale the film's grid into the body's."""
    u, v = pixel_centres(size)
    u, v = u - each(technique.right), v - each(technique.down)
    cos, sin = each(np.cos(technique.turn)), each(np.sin(technique.turn))
    x = (cos * u + sin * v) / each(technique.zoom * people.width)
    y = (cos * v - sin * u) / each(technique.zoom * people.height)
    return Frame(x=x, y=y, pixel=2 / size)


def on_film(
    people: Anatomy, technique: Technique, x: Scalars, y: Scalars
) -> tuple[Scalars, Scalars]:
    """Where points (n, k) of the body lie on the film: the inverse of `body_frame`."""
    x = x * (technique.zoom * people.width)[:, None]
    y = y * (technique.zoom * people.height)[:, None]
    cos, sin = np.cos(technique.turn)[:, None], np.sin(technique.turn)[:, None]
    return (
        cos * x - sin * y + technique.right[:, None],
        sin * x + cos * y + technique.down[:, None],
    )


def chest_wall(depth: Plane) -> Plane:
    """Half-width of the inner chest at a depth: 0 at the apex, 1 at the lowest angle."""
    up = np.clip(1 - depth, 0, 1)
    return HALF * np.sqrt(1 - up * up * up * np.sqrt(up))


def draw_chest(
    rng: np.random.Generator, people: Anatomy, technique: Technique, frame: Frame
) -> Chest:
    """Everything but devices, opacities and the film itself."""
    x, y, pixel = frame.x, frame.y, frame.pixel
    n, size = len(x), x.shape[2]
    middle = x - each(technique.oblique)  # the front of the chest, against the spine at x = 0
    side = np.abs(x)
    left = x > 0
    soft = max(0.018, 0.75 * pixel)

    trunk, path = _trunk(people, x, y, soft)

    base = people.base + technique.breath
    dome = each(base) + np.where(left, each(people.lower), 0)
    dome = dome + 0.56 * np.square(side / HALF - 0.38)
    depth = (y - APEX) / each(base + 0.30 - APEX)
    wall = chest_wall(depth)
    central = each(people.mediastinum) * (0.72 + 0.3 * inside(y + 0.45, 0.2))
    air = np.minimum(np.minimum(wall - side, np.abs(middle) - central), dome - y)
    open_air = inside(air, soft)
    heart = _heart(people, middle, y, dome)
    shadow = inside(heart, 1.2 * soft)
    lungs = open_air * (1 - shadow)
    thickness = 0.58 + 0.42 * np.sqrt(np.clip(air / 0.26, 0, 1))
    path -= AIR * open_air * thickness * (1 - 0.62 * shadow)
    path += HEART * np.sqrt(np.clip(heart / 0.2, 0, 1)) + 0.06 * shadow

    below = inside(y - dome, soft)
    path += BELLY * below * trunk
    path += _mediastinum(people, middle, y, central, soft)
    path += _spine(people, x, y, soft)
    cage = inside(wall + 0.045 - side, soft) * inside(depth + 0.03, 0.05)
    path += _ribs(people, side, middle, y, pixel) * cage * (1 - 0.7 * below)
    path += _shoulders(people, side, y, soft)
    path += _markings(rng, people, middle, y, n, size) * open_air * (1 - 0.5 * shadow)
    path -= _gas(people, x, y, dome, soft) * below
    path += each(people.breast) * _breasts(side, y)
    path += MOTTLE * clouds(rng, n, size, MOTTLE_CELLS) * trunk
    # nothing in the body is as dark as the air around it
    return Chest(path=np.maximum(path, THINNEST) * trunk, lungs=lungs, trunk=trunk)


def _trunk(people: Anatomy, x: Plane, y: Plane, soft: float) -> tuple[Plane, Plane]:
    """Outline of neck, shoulders and flanks, and its thickness."""
    slope = inside(y + 0.84 - 0.12 * np.abs(x), 0.13)
    flank = HALF + 0.06 + each(people.fat)
    # arms leave the field below the shoulders, more or less of the axilla stays
    shoulder = 1.10 - 0.22 * inside(y + 0.28, 0.3)
    half = 0.25 + (np.maximum(flank, shoulder) - 0.25) * slope
    half = half + (flank - half) * inside(y + 0.12, 0.22) * slope
    edge = half - np.abs(x)
    trunk = inside(edge, soft)
    round_ = np.sqrt(np.clip(1 - np.square(x / half), 0, 1))
    thick = 0.34 + 0.66 * inside(y + 0.62, 0.4)
    return trunk, trunk * (0.38 + 0.55 * thick * round_ + 1.1 * each(people.fat))


def _heart(people: Anatomy, middle: Plane, y: Plane, dome: Plane) -> Plane:
    """Signed distance to the heart's outline, positive inside: ventricles and right atrium."""
    half = people.heart_ratio * HALF  # of its width
    cos, sin = np.cos(people.heart_tilt), np.sin(people.heart_tilt)
    long = half / np.sqrt(cos**2 + 0.48 * sin**2)
    height = people.base - 0.16
    ventricles = ellipse(
        middle,
        y,
        (each(0.40 * half), each(height)),
        (each(long * 0.98), each(long * 0.68)),
        each(people.heart_tilt),
    )
    atrium = ellipse(
        middle, y, (each(-0.22 * half), each(height - 0.02)), (each(0.44 * half), each(0.7 * half)),
        np.zeros((1, 1, 1), np.float32),
    )  # fmt: skip
    return np.minimum(np.maximum(ventricles, atrium), dome + 0.1 - y)


def _mediastinum(people: Anatomy, middle: Plane, y: Plane, central: Plane, soft: float) -> Plane:
    """Great vessels and the aortic arch, with the dark windpipe down to where it forks."""
    band = inside(central - np.abs(middle), 1.2 * soft)
    r = each(people.knob)
    zero = np.zeros((1, 1, 1), np.float32)
    knob = inside(
        ellipse(middle, y, (0.55 * r + 0.05, zero - 0.3), (r, 1.15 * r), zero), 1.3 * soft
    )
    aorta = inside(0.055 - np.abs(middle - 0.07), 1.5 * soft) * inside(y + 0.3, 0.05)
    column = np.abs(middle + 0.012)
    trachea = inside(0.038 - column, 1.2 * soft) * inside(-0.2 - y, 0.06)
    fork = inside(0.030 - np.abs(column - 0.55 * (y + 0.22)), 1.2 * soft)
    fork = fork * inside(y + 0.2, 0.03) * inside(0.02 - y, 0.1)
    return (
        MEDIASTINUM * np.maximum(band, knob) + 0.05 * knob + 0.05 * aorta
        - 0.15 * trachea - 0.07 * fork
    )  # fmt: skip


def _spine(people: Anatomy, x: Plane, y: Plane, soft: float) -> Plane:
    """A column of vertebral bodies with darker discs between, and spinous processes."""
    half = 0.078 + 0.014 * (y + 0.5)
    body = inside(half - np.abs(x), soft)
    turn = (y / 0.112 + each(people.phase[:, 0])) * np.float32(2 * np.pi)
    discs = np.cos(turn)
    process = inside(0.016 - np.abs(x), soft) * np.clip(-discs, 0, 1)
    return SPINE * body * (0.86 + 0.14 * discs) + 0.05 * process


def _ribs(people: Anatomy, side: Plane, middle: Plane, y: Plane, pixel: float) -> Plane:
    """Posterior ribs, which fall outwards, and the fainter anterior ones, which fall inwards."""
    gap, slope = each(people.spacing), each(people.slope)
    out = side / HALF
    back = y - HALF * (slope * out - 0.28 * np.sin(2.6 * out) + 0.62 * out**3)
    # seen more and more edge-on towards the side, where they crowd
    posterior = _bars(back / gap + each(people.phase[:, 1]), gap, 0.36, pixel)
    front = y + 0.30 - np.abs(middle) / HALF * 0.05 + 0.55 * (1 - out) * -1.0
    front = front - 0.25 * np.square(out)
    anterior = _bars(front / (1.12 * gap) + each(people.phase[:, 2]), 1.12 * gap, 0.34, pixel)
    # cartilage in front of the breastbone holds back no more than muscle
    anterior = anterior * inside(out - 0.42, 0.08) * inside(y + 0.55, 0.08)
    return RIB * posterior * inside(side - 0.05, 0.02) + ANTERIOR_RIB * anterior


def _bars(phase: Plane, gap: Plane, share: float, pixel: float) -> Plane:
    """Bars of `share` of a period, their edges denser, as the rind of bone is."""
    off = np.abs(phase - np.round(phase)) * gap  # from the bar's middle line
    half = 0.5 * share * gap
    soft = max(0.010, 0.6 * pixel)
    bar = inside(half - off, soft)
    rind = inside(0.014 - np.abs(half - 0.008 - off), soft)
    return 0.72 * bar + 0.4 * rind * bar


def _shoulders(people: Anatomy, side: Plane, y: Plane, soft: float) -> Plane:
    """Collar bones, shoulder blades and the heads of the upper arms."""
    t = (side - 0.06) / 0.72
    course = each(people.clavicle) - 0.10 * np.sin(np.pi * np.clip(t, 0, 1)) * (0.4 + t) - 0.09 * t
    half = 0.026 + 0.012 * np.square(2 * t - 1)
    bone = inside(half - np.abs(y - course), max(0.8 * soft, 0.012))
    rind = inside(0.012 - np.abs(half - 0.008 - np.abs(y - course)), soft)
    clavicle = bone * (0.7 + 0.4 * rind) * inside(t, 0.03) * inside(1.02 - t, 0.05)
    blade = inside(0.06 - np.abs(side - 0.74 + 0.20 * (y + 0.55)), 0.04)
    blade = blade * inside(y + 0.62, 0.06) * inside(0.02 - y, 0.1)
    zero = np.zeros((1, 1, 1), np.float32)
    head = ellipse(side, y, (zero + 0.98, zero - 0.50), (zero + 0.13, zero + 0.15), zero)
    shaft = inside(0.065 - np.abs(side - 1.02), soft) * inside(y + 0.5, 0.06)
    arm = np.maximum(inside(head, 2 * soft), shaft)
    return CLAVICLE * clavicle + SCAPULA * blade + HUMERUS * arm


def _markings(
    rng: np.random.Generator, people: Anatomy, middle: Plane, y: Plane, n: int, size: int
) -> Plane:
    """Hila, and vessels that radiate from them and thin out; fine mottle."""
    dx, dy = np.abs(middle) - 0.17, y + 0.06
    r = np.sqrt(dx * dx + dy * dy) + 0.02
    angle = np.arctan2(dy, dx)
    bend = clouds(rng, n, size, 6)
    fan = np.cos(11 * angle + 2.2 * bend + 6.28 * each(people.phase[:, 3]) + np.sign(middle))
    fan = fan + 0.7 * np.cos(19 * angle - 2.6 * bend + 4 * r)
    vessels = np.clip(fan, 0, 2) * np.exp(-r / 0.30) * np.clip(r / 0.08, 0, 1)
    hilum = np.exp(-np.square(dx / 0.085) - np.square(dy / 0.15))
    fine = clouds(rng, n, size, 22)
    return each(people.vessels) * (0.085 * vessels + 0.17 * hilum) + 0.022 * fine + 0.03 * bend


def _gas(people: Anatomy, x: Plane, y: Plane, dome: Plane, soft: float) -> Plane:
    """The stomach's bubble under the left dome."""
    r = np.maximum(each(people.bubble), 0.01)
    zero = np.zeros((1, 1, 1), np.float32)
    centre = each(people.base + people.lower) + 0.14
    bubble = inside(ellipse(x, y, (zero + 0.34, centre), (1.3 * r, 0.7 * r), zero), 1.5 * soft)
    return 0.26 * bubble * (each(people.bubble) > 0)


def _breasts(side: Plane, y: Plane) -> Plane:
    """Half-moons over the lower lungs with a sharper lower edge."""
    zero = np.zeros((1, 1, 1), np.float32)
    moon = ellipse(side, y, (zero + 0.42, zero + 0.2), (zero + 0.33, zero + 0.3), zero)
    return np.sqrt(np.clip(moon / 0.3, 0, 1)) * inside(moon, 0.03) + 0.4 * inside(moon, 0.03)
