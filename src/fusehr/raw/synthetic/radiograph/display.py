"""From attenuation to grey: every film is given a distribution of grey that knows nothing of it.

The films of MIMIC-CXR-JPG were histogram-equalised when they were made from DICOM (Johnson et al.,
arXiv:1901.07042). So are these, each to its own mean, contrast and skew: what a film's
histogram says is then drawn before the film is, and nothing about the anatomy can be read from it.
"""

from __future__ import annotations

import numpy as np

from fusehr.raw.synthetic.arrays import Floats
from fusehr.raw.synthetic.radiograph.shapes import Plane, Scalars
from fusehr.raw.synthetic.radiograph.technique import CONTRAST, MEAN, Technique

BLACK = 0.015  # grey outside the collimator's borders
LEVELS = 1024  # of attenuation told apart
TAILS = 0.30  # how far the darkest and brightest parts stand out, against equal shares of all greys


def standardised(path: Plane, field: Plane) -> Plane:
    """Attenuation with the mean and spread of an average film's grey, within `field` (0 to 1)."""
    share = field.mean(axis=(1, 2), keepdims=True)
    centre = (path * field).mean(axis=(1, 2), keepdims=True) / share
    spread = np.sqrt((np.square(path - centre) * field).mean(axis=(1, 2), keepdims=True) / share)
    return MEAN + CONTRAST * (path - centre) / spread


def displayed(grey: Plane, field: Plane, technique: Technique) -> Plane:
    """Grey (n, size, size) with each film's own distribution of it, the order of pixels kept."""
    n, size = len(grey), grey.shape[1]
    level = np.clip(grey * (LEVELS / 2) + LEVELS / 4, 0, LEVELS - 1).astype(np.int64)
    level += LEVELS * np.arange(n)[:, None, None]
    counts = np.bincount(
        level.ravel(), weights=(field > 0.5).ravel(), minlength=n * LEVELS
    ).reshape(n, LEVELS)
    upto = np.cumsum(counts, axis=1)
    rank = (upto - counts / 2) / np.maximum(upto[:, -1:], 1)
    # the borders are black: the rest is the brighter for it
    share = field.mean(axis=(1, 2))
    mean = (technique.mean - (1 - share) * BLACK) / share
    curve = mean[:, None] + technique.contrast[:, None] * _quantiles(rank, technique.skew[:, None])
    return curve.astype(np.float32).ravel()[level.ravel()].reshape(n, size, size)


def _quantiles(p: Floats, skew: Scalars) -> Scalars:
    """Standardised grey by rank `p` in [0, 1]: shifted Legendre polynomials, each of mean 0."""
    first = 2 * p - 1
    second = 6 * p * p - 6 * p + 1
    third = 20 * p**3 - 30 * p * p + 12 * p - 1
    return np.sqrt(3) * first + skew * second + TAILS * third
