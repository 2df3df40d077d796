"""Pixels of the chest images, packed into one array that training can map into memory.

A source lays its images in tar files `cxr/images-*.tar` of 8-bit grey PNGs, all of one size and
named `<dicom_id>.png`. Row i of `images.npy` (n, size, size) is the image whose `pixel_row` is i;
`image_pool.npy` holds those of people outside the cohort in the same way.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import duckdb
import numpy as np
import pyarrow as pa
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import image_shards

COHORT, POOL = "images", "image_pool"


@dataclass
class _Pack:
    """Images that go into one array: its file, and for each row the image's id and hash."""

    path: Path
    pixels: np.memmap | None
    ids: list[str]
    hashes: list[str]


def pack_images(con: duckdb.DuckDBPyConnection, raw: Path, folder: Path) -> None:
    """Write images.npy and image_pool.npy to `folder`; create the table `packed` of where each is.

    packed: image_id, pixel_row, sha256 of the pixels. An image of a patient of the view `patients`
    is the cohort's, every other one that the view `metadata` lists the pool's. Without shards both
    arrays are empty and so is the table.

    Raises InputError naming the shard where it is broken, an image is no 8-bit grey PNG, has
    another size than the first, stands twice, or is not in the metadata.
    """
    owners: dict[str, str] = dict(
        con.execute(
            "SELECT dicom_id, CASE WHEN subject_id IN (SELECT subject_id FROM patients) "
            f"THEN '{COHORT}' ELSE '{POOL}' END FROM metadata"
        ).fetchall()
    )
    shards = image_shards(raw)
    counts = _count(shards, owners)
    packs = {owner: _Pack(folder / f"{owner}.npy", None, [], []) for owner in (COHORT, POOL)}
    bar = tqdm(total=sum(counts.values()), desc="chest images", unit="image", disable=None)
    for shard, name, pixels in _images(shards):
        pack = packs[owners[name]]
        if pack.pixels is None:
            shape = (counts[owners[name]], *pixels.shape)
            pack.pixels = np.lib.format.open_memmap(pack.path, "w+", np.uint8, shape)
        if pixels.shape != pack.pixels.shape[1:]:
            raise InputError(
                f"{shard}: {name}.png: expected {pack.pixels.shape[1:]} pixels as the first image "
                f"has, found {pixels.shape}"
            )
        pack.pixels[len(pack.ids)] = pixels
        pack.ids.append(name)
        pack.hashes.append(hashlib.sha256(pixels.tobytes()).hexdigest())
        bar.update()
    bar.close()
    for pack in packs.values():
        if pack.pixels is None:
            np.save(pack.path, np.empty((0, 0, 0), dtype=np.uint8))
        else:
            pack.pixels.flush()
    con.register("packed_rows", _places(packs))
    con.execute("CREATE TABLE packed AS FROM packed_rows")
    con.unregister("packed_rows")


def _count(shards: list[Path], owners: dict[str, str]) -> dict[str, int]:
    """How many images go where, from the shards' headers alone."""
    counts = {COHORT: 0, POOL: 0}
    seen: set[str] = set()
    for shard in shards:
        for name, _, _ in _members(shard):
            if name in seen:
                raise InputError(f"{shard}: {name}.png: expected once in all shards, found twice")
            if name not in owners:
                raise InputError(f"{shard}: {name}.png: expected in cxr/metadata, found no row")
            seen.add(name)
            counts[owners[name]] += 1
    return counts


def _members(shard: Path) -> Iterator[tuple[str, tarfile.TarFile, tarfile.TarInfo]]:
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                yield PurePosixPath(member.name).stem, tar, member
    except tarfile.TarError as error:
        raise InputError(f"{shard}: expected a tar file of PNGs, found {error}") from None


def _images(shards: list[Path]) -> Iterator[tuple[Path, str, np.ndarray]]:
    for shard in shards:
        for name, tar, member in _members(shard):
            content = tar.extractfile(member)
            if content is None:
                raise InputError(f"{shard}: {member.name}: expected a file, found something else")
            try:
                with Image.open(content, formats=("PNG",)) as image:
                    if image.mode != "L":
                        raise InputError(
                            f"{shard}: {member.name}: expected 8-bit grey, found {image.mode}"
                        )
                    pixels = np.asarray(image)
            except (UnidentifiedImageError, OSError, SyntaxError):
                raise InputError(f"{shard}: {member.name}: expected a whole PNG image") from None
            yield shard, name, pixels


def _places(packs: dict[str, _Pack]) -> pa.Table:
    return pa.table(
        {
            "image_id": pa.array(
                [name for pack in packs.values() for name in pack.ids], pa.string()
            ),
            "pixel_row": pa.array(
                [row for pack in packs.values() for row in range(len(pack.ids))], pa.int64()
            ),
            "sha256": pa.array(
                [digest for pack in packs.values() for digest in pack.hashes], pa.string()
            ),
        }
    )
