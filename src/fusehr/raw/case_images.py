"""Images that a table of cases names, as shards of one size."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fusehr.core.frame.errors import InputError
from fusehr.core.pictures import grey_square
from fusehr.raw.case_table import CaseTable
from fusehr.raw.synthetic.radiograph.films import Films
from fusehr.raw.synthetic.radiograph.shards import ShardWriter

MOST_BYTES = 64 << 20  # of a file; looked at before it is read


def write_images(
    folder: Path, root: Path, table: CaseTable, column: str | None, *, size: int
) -> pd.DataFrame:
    """Write shards of the images below `root` that `column` names into `folder`.

    One image at a time is held in memory. Returns image_id and sha256 of the pixels, uint8 (size,
    size), by row; null where the row names none. Raises InputError naming the row where a path
    leads out of `root`, to no file, or to something else than a whole image.
    """
    paths = table.texts(column)
    named = paths.dropna()
    found = pd.DataFrame({"image_id": None, "sha256": None}, index=paths.index, dtype=object)
    if named.empty:
        return found
    hashes = []
    with ShardWriter(folder) as shards:
        for row, path in tqdm(
            named.items(), total=len(named), desc="images", unit="image", disable=None
        ):
            try:
                pixels = grey_square(_content(root, path), size)
            except InputError as error:
                raise InputError(f"{table.shown}: row {row}: column {column}: {error}") from None
            # a table of cases does not tell who an image is of but by its row
            shards.append(Films([_name(row)], np.zeros(1, np.int64), pixels[None]))
            hashes.append(hashlib.sha256(pixels.tobytes()).hexdigest())
    found.loc[named.index, "image_id"] = [_name(row) for row in named.index]
    found.loc[named.index, "sha256"] = hashes
    return found


def _name(row: object) -> str:
    return f"row-{row}"


def _content(root: Path, relative: str) -> bytes:
    path = file_below(root, relative)
    if path is None:
        raise InputError("image: expected the path of a file below the CSV's folder")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"image: expected a file of {MOST_BYTES:,} bytes at most")
    return path.read_bytes()


def file_below(root: Path, relative: str) -> Path | None:
    """The file at `relative` below `root`, None where there is none, or it lies elsewhere."""
    try:
        path = (root / relative).resolve()
        return path if path.is_relative_to(root.resolve()) and path.is_file() else None
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return None
