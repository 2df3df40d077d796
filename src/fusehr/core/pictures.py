"""PNG and JPEG files as the square grey pictures that models were trained on."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fusehr.core.frame.errors import InputError

MOST_PIXELS = 25_000_000  # a large digital radiograph; checked before anything is decoded
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I")


def grey_square(content: bytes, size: int) -> np.ndarray:
    """uint8 (size, size) of a PNG or JPEG; one that is not square is padded with black.

    Raises InputError where `content` is something else, damaged or has too many pixels. Pixels of
    a grey picture of that very size are not changed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
                width, height = opened.size
                if width * height > MOST_PIXELS:
                    raise InputError(f"image: expected at most {MOST_PIXELS:,} pixels, found more")
                opened.load()
                picture = _grey(ImageOps.exif_transpose(opened))
    except InputError:
        raise
    except (
        UnidentifiedImageError,
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
    ):
        raise InputError("image: expected a whole PNG or JPEG file") from None
    if picture.size == (size, size):
        return np.array(picture, dtype=np.uint8)
    side = max(picture.size)
    square = Image.new("L", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    shrunk = square.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.array(shrunk, dtype=np.uint8)


def _grey(picture: Any) -> Image.Image:
    if picture.mode in SIXTEEN_BITS:
        # Pillow would cut such values off at 255
        values = np.clip(np.asarray(picture).astype(np.int64), 0, 65535) >> 8
        return Image.fromarray(values.astype(np.uint8))
    return picture.convert("L")
