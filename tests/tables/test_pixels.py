"""Chest images packed into arrays, and the shards that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json
from fusehr.core.mimic_files import FileEntry, Manifest
from fusehr.tables.convert import convert
from fusehr.tables.pixels import pack_images

from .conftest import EXAMPLE_IMAGES, write_shard


def test_a_pixel_row_is_the_image(converted: Path) -> None:
    tables = converted / "tables"
    for name, owned in (("images", {"aa01", "bb02"}), ("image_pool", {"dd04"})):
        pixels = np.load(tables / f"{name}.npy", mmap_mode="r")
        with duckdb.connect() as con:
            rows = con.execute(
                f"SELECT image_id, pixel_row FROM '{tables}/{name}.parquet' "
                "WHERE pixel_row IS NOT NULL"
            ).fetchall()
        assert {image for image, _ in rows} == owned
        assert len(pixels) == len(owned)
        for image, row in rows:
            assert np.array_equal(pixels[row], EXAMPLE_IMAGES[image])


def test_without_images_the_arrays_are_empty(
    tmp_path: Path,
    example: dict[str, str],
    tolerant: Callable[..., Any],
    make_hospital: Callable[..., None],
) -> None:
    make_hospital(tmp_path / "raw", example)
    convert(tmp_path / "raw", tmp_path / "tables", tmp_path / "metrics.json", tolerant())
    assert np.load(tmp_path / "tables" / "images.npy").size == 0
    with duckdb.connect() as con:
        found = con.execute(
            f"SELECT count(*), count(pixel_row) FROM '{tmp_path}/tables/images.parquet'"
        ).fetchall()
    assert found == [(3, 0)]


def _pack(folder: Path, *, cut: int | None = None) -> None:
    """Pack what `folder` holds, listed as it is; the first shard is then cut to `cut` bytes."""
    shards = sorted(folder.rglob("*.tar"))
    entries = [
        FileEntry(path.relative_to(folder).as_posix(), path.stat().st_size, "") for path in shards
    ]
    write_json(folder / "manifest.json", Manifest("synthetic", False, tuple(entries)).as_json())
    shards[0].write_bytes(shards[0].read_bytes()[:cut])
    with duckdb.connect() as con:
        con.execute("CREATE TABLE patients AS SELECT 1 AS subject_id")
        con.execute(
            "CREATE TABLE metadata AS SELECT 'a' AS dicom_id, 1 AS subject_id UNION ALL "
            "SELECT 'b', 1"
        )
        pack_images(con, folder, folder)


GREY = np.zeros((4, 4), dtype=np.uint8)


def test_an_image_of_another_size_stops(tmp_path: Path) -> None:
    write_shard(tmp_path / "cxr/images-0.tar", {"a": GREY, "b": np.zeros((5, 4), dtype=np.uint8)})
    with pytest.raises(InputError, match=r"images-0.tar: b.png: expected \(4, 4\).*found \(5, 4\)"):
        _pack(tmp_path)


def test_an_image_twice_stops(tmp_path: Path) -> None:
    write_shard(tmp_path / "cxr/images-0.tar", {"a": GREY})
    write_shard(tmp_path / "cxr/images-1.tar", {"a": GREY})
    with pytest.raises(InputError, match=r"images-1.tar: a.png: expected once"):
        _pack(tmp_path)


def test_an_image_that_the_metadata_lacks_stops(tmp_path: Path) -> None:
    write_shard(tmp_path / "cxr/images-0.tar", {"z": GREY})
    with pytest.raises(InputError, match=r"z.png: expected in cxr/metadata"):
        _pack(tmp_path)


def test_colour_stops(tmp_path: Path) -> None:
    write_shard(tmp_path / "cxr/images-0.tar", {"a": GREY}, mode="RGB")
    with pytest.raises(InputError, match=r"a.png: expected 8-bit grey, found RGB"):
        _pack(tmp_path)


def test_a_shard_cut_short_stops(tmp_path: Path) -> None:
    write_shard(tmp_path / "cxr/images-0.tar", {"a": GREY, "b": GREY})
    with pytest.raises(InputError, match=r"images-0.tar: expected 10240 bytes.* found 1500"):
        _pack(tmp_path, cut=1500)


def test_what_is_no_image_stops(tmp_path: Path) -> None:
    shard = tmp_path / "cxr/images-0.tar"
    write_shard(shard, {"a": GREY})
    shard.write_bytes(shard.read_bytes().replace(b"PNG", b"XXX"))
    with pytest.raises(InputError, match=r"a.png: expected a whole PNG"):
        _pack(tmp_path)
