"""Pictures under plots/ that differ, each as one image: base left, head right."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np

from fusehr.core.figure_style import QUIET, drawing
from fusehr.core.metrics import Array
from fusehr.review.versions import NotStoredError, Version

PLOTS = "plots/"
LEADERBOARD = "plots/leaderboard.png"
DPI = 160  # of figure_style.drawing
GAP, HEADER = 40, 60  # pixels between the two, and above them for their names


def changed_plots(base: Version, head: Version) -> tuple[list[str], list[str]]:
    """Paths under plots/ whose hash differs: pictures, the leaderboard first, and other files."""
    then, now = base.outputs, head.outputs
    names = sorted(name for name in then.keys() | now if name.startswith(PLOTS))
    changed = [
        name for name in names if then.get(name, {}).get("md5") != now.get(name, {}).get("md5")
    ]
    pictures = [name for name in changed if name.endswith(".png")]
    pictures.sort(key=lambda name: (name != LEADERBOARD, name))
    return pictures, [name for name in changed if not name.endswith(".png")]


def side_by_side(base: Version, head: Version, name: str, target: Path, scratch: Path) -> None:
    """Write the picture `name` of both versions to `target`, pixel for pixel.

    A version without it leaves its side empty and says so.
    """
    sides = [_pixels(version, name, scratch / str(k)) for k, version in enumerate((base, head))]
    shape = np.max([side.shape for side in sides if side is not None], axis=0)
    height, width = int(shape[0]), int(shape[1])
    size = (2 * width + GAP, height + HEADER)
    inches = (size[0] / DPI, size[1] / DPI)
    with drawing(target, size=inches, layout=None) as figure:
        for k, (version, side) in enumerate(zip((base, head), sides, strict=True)):
            left = k * (width + GAP)
            text = version.name if side is not None else f"{version.name}: no such picture"
            figure.text(
                (left + 10) / size[0],
                1 - HEADER / 2 / size[1],
                text,
                color=QUIET,
                fontsize=11,
                verticalalignment="center",
            )
            if side is not None:
                figure.figimage(side, xo=left, yo=height - side.shape[0])


def _pixels(version: Version, name: str, target: Path) -> Array | None:
    """The picture (height, width, 4), values 0 to 1; None where the version has none."""
    if name not in version.outputs:
        return None
    try:
        version.fetch(name, target)
    except NotStoredError:
        return None
    pixels = matplotlib.image.imread(target, format="png")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    opaque = np.ones((*pixels.shape[:2], 1), pixels.dtype)
    return pixels if pixels.shape[2] == 4 else np.concatenate([pixels[:, :, :3], opaque], axis=2)
