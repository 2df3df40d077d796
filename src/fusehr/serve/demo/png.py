"""Pictures and heat maps as PNG files."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

COLOUR = (214, 40, 40)  # of what raises a class
OPAQUE = 0.75  # of the brightest place: the film still shows through


def grey_png(pixels: np.ndarray) -> bytes:
    """uint8 (h, w)."""
    return _encoded(Image.fromarray(np.ascontiguousarray(pixels)))


def heat_png(seen: np.ndarray) -> bytes:
    """(h, w) from 0 to 1 as one colour, the more opaque the higher; to be laid over the picture."""
    layer = np.empty((*seen.shape, 4), np.uint8)
    layer[..., :3] = COLOUR
    layer[..., 3] = np.rint(np.clip(seen, 0, 1) * OPAQUE * 255)
    return _encoded(Image.fromarray(layer))


def data_url(png: bytes) -> str:
    """For the attribute `src` of a page."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _encoded(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()
