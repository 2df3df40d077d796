"""From people and technique to 8-bit films, a few dozen at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusehr.raw.synthetic.arrays import Bools
from fusehr.raw.synthetic.radiograph.anatomy import Anatomy, draw_anatomy
from fusehr.raw.synthetic.radiograph.devices import Devices, device_path, draw_devices
from fusehr.raw.synthetic.radiograph.display import BLACK, displayed, standardised
from fusehr.raw.synthetic.radiograph.opacity import Patches, Places, draw_patches, draw_places
from fusehr.raw.synthetic.radiograph.shapes import Plane, each, inside
from fusehr.raw.synthetic.radiograph.technique import Technique, draw_technique
from fusehr.raw.synthetic.radiograph.thorax import (
    Chest,
    body_frame,
    draw_chest,
    pixel_centres,
)

Pixels = NDArray[np.uint8]

CELLS = 1 << 14  # pixels worked on at once: their planes then stay in the cache


@dataclass(frozen=True)
class Drawn:
    """n films with what they show.

    pixels: (n, size, size), 0 black to 255 white. lungs: (n, size, size) seen lung. opacity: (n,)
    whether a patch lies in it. patches: where it lies.
    """

    pixels: Pixels
    lungs: Bools
    opacity: Bools
    patches: Patches
    people: Anatomy
    technique: Technique
    devices: Devices


def draw_radiographs(
    rng: np.random.Generator, opacity: Bools, size: int, compensate: bool = True
) -> Drawn:
    """Films of strangers, a third of them taken in bed. `opacity` (n,); `size`: pixels on a side.

    `compensate`: see opacity.add_patches.
    """
    n = len(opacity)
    female, bmi = rng.random(n) < 0.45, 27.5 * np.exp(0.2 * rng.standard_normal(n))
    people = draw_anatomy(rng, female, bmi)
    portable = rng.random(n) < 1 / 3
    return develop(
        rng,
        opacity,
        draw_places(rng, n),
        people,
        draw_technique(rng, portable),
        draw_devices(rng, portable, people.pacemaker),
        size,
        compensate,
    )


def develop(
    rng: np.random.Generator,
    opacity: Bools,
    places: Places,
    people: Anatomy,
    technique: Technique,
    devices: Devices,
    size: int,
    compensate: bool = True,
) -> Drawn:
    """The films (n, size, size) of n people, each with its own technique, place and devices."""
    n = len(opacity)
    pixels = np.empty((n, size, size), dtype=np.uint8)
    lungs = np.empty((n, size, size), dtype=bool)
    patches = []
    batch = max(1, CELLS // size**2)
    for first in range(0, n, batch):
        rows = slice(first, min(first + batch, n))
        who, how = people.take(rows), technique.take(rows)
        frame = body_frame(who, how, size)
        chest = draw_chest(rng, who, how, frame)
        path = chest.path + device_path(devices.take(rows), frame, how.oblique)
        field = _field(how, size)
        grey = standardised(path, field)
        added, patch = draw_patches(
            rng, opacity[rows], places.take(np.arange(n)[rows]), who, how, chest, field
        )
        if compensate:
            grey = displayed(grey + added, field, how)
        else:
            grey = displayed(grey, field, how) + added * each(opacity[rows].astype(np.float32))
        pixels[rows] = _developed(rng, grey, field, how)
        lungs[rows] = _seen(chest, field)
        patches.append(patch)
    return Drawn(
        pixels=pixels,
        lungs=lungs,
        opacity=opacity,
        patches=Patches(
            **{
                name: np.concatenate([getattr(p, name) for p in patches])
                if patches
                else np.zeros(0, np.float32)
                for name in ("x", "y", "radius", "contrast")
            }
        ),
        people=people,
        technique=technique,
        devices=devices,
    )


def _seen(chest: Chest, field: Plane) -> Bools:
    return chest.lungs * field > 0.5


def _field(technique: Technique, size: int) -> Plane:
    """1 within the collimator's borders, 0 outside."""
    u, v = pixel_centres(size)
    borders = each(technique.borders[:, 0]), each(technique.borders[:, 1])
    above = each(technique.borders[:, 2]), each(technique.borders[:, 3])
    across = np.minimum(u + 1 - 2 * borders[0], 1 - u - 2 * borders[1])
    along = np.minimum(v + 1 - 2 * above[0], 1 - v - 2 * above[1])
    return inside(np.minimum(across, along) + 1e-6, 0.5 / size)


def _developed(rng: np.random.Generator, grey: Plane, field: Plane, technique: Technique) -> Pixels:
    """Noise of quanta, which grows with what reaches the detector, and of electronics; 8 bits."""
    size = grey.shape[1]
    marker = _letter(technique, size)
    grey = grey + (0.96 - grey) * marker
    # the bright parts are those that few quanta reach
    variance = np.square(each(technique.quanta)) * np.clip(0.25 + grey, 0.1, 1.2)
    sigma = np.sqrt(variance + np.square(each(technique.electronic)))
    grey = grey + sigma * rng.standard_normal(grey.shape, dtype=np.float32)
    grey = BLACK + (grey - BLACK) * field
    return np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)


def _letter(technique: Technique, size: int) -> Plane:
    """A lead L at the patient's left, on most films."""
    u, v = pixel_centres(size)
    dx, dy = u - each(technique.marker[:, 0]), v - each(technique.marker[:, 1])
    stem = np.minimum(0.018 - np.abs(dx), 0.065 - np.abs(dy))
    foot = np.minimum(0.018 - np.abs(dy - 0.05), 0.035 - np.abs(dx - 0.03))
    soft = 0.7 / size
    return each(technique.marked.astype(np.float32)) * inside(np.maximum(stem, foot), soft)
