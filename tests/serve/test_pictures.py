"""Image files become what models were trained on, or are refused before they cost anything."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image

from fusehr.core.frame.errors import InputError
from fusehr.core.pictures import grey_square

from .pictures import bomb, encoded, grey


def test_a_grey_picture_of_the_right_size_is_not_changed() -> None:
    assert np.array_equal(grey_square(encoded(grey(32)), 32), grey(32))


def test_a_picture_that_is_not_square_is_padded_and_not_squeezed() -> None:
    pixels = np.full((20, 40), 200, np.uint8)
    found = grey_square(encoded(pixels), 40)
    assert (found[10:30] == 200).all() and not found[:10].any() and not found[30:].any()


def test_colours_and_jpeg_are_read() -> None:
    colour = np.repeat(np.full((16, 16, 1), 120, np.uint8), 3, axis=2)
    for kind in ("PNG", "JPEG"):
        assert np.abs(grey_square(encoded(colour, kind), 8).astype(int) - 120).max() <= 1


def test_sixteen_bits_keep_their_order() -> None:
    deep = np.array([[0, 20_000], [40_000, 65_535]], dtype=np.uint16)
    assert grey_square(encoded(deep), 2).tolist() == [[0, 78], [156, 255]]


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    begun = time.perf_counter()
    with pytest.raises(InputError, match="pixels"):
        grey_square(bomb(6_000), 32)
    with pytest.raises(InputError):
        grey_square(bomb(60_000), 32)
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(40),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x89PNG\r\n\x1a\n",
        encoded(grey(32))[:200],
        b"%PDF-1.4\n" + encoded(grey(8)),
    ],
    ids=["nothing", "gif", "svg", "head", "cut", "pdf before a png"],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="PNG or JPEG"):
        grey_square(content, 8)


def test_what_stands_behind_a_picture_is_not_read() -> None:
    assert np.array_equal(grey_square(encoded(grey(8)) + b"<script>", 8), grey(8))


def test_a_picture_is_turned_as_its_file_says() -> None:
    import io

    content = io.BytesIO()
    turned = Image.new("L", (4, 2))
    turned.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.save(content, "PNG", exif=exif)
    found = grey_square(content.getvalue(), 4)
    assert found[2, 3] == 255
