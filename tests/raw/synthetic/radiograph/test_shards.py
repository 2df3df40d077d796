"""Tar files of films: the same bytes every time, and the same pixels back."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from fusehr.raw.synthetic.radiograph.films import Films
from fusehr.raw.synthetic.radiograph.ids import dicom_ids
from fusehr.raw.synthetic.radiograph.shards import PATTERN, ShardWriter


def some_films(n: int = 25) -> Films:
    number = np.arange(n)
    pixels = np.random.default_rng(0).integers(0, 256, (n, 20, 20)).astype(np.uint8)
    return Films(dicom_ids(50_000_000 + number), 10_000_000 + number, pixels)


def pack(folder: Path, films: Films, cuts: tuple[int, ...]) -> list[Path]:
    with ShardWriter(folder, per_shard=10) as shards:
        for first, last in zip((0, *cuts), (*cuts, len(films)), strict=True):
            number = np.arange(len(films))
            shards.append(films.where((number >= first) & (number < last)))
    return sorted(folder.glob(PATTERN))


def members(path: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(path) as tar:
        return tar.getmembers()


def test_every_film_comes_back_in_its_order(tmp_path: Path) -> None:
    films = some_films()
    names, pixels = [], []
    for path in pack(tmp_path, films, cuts=(7, 8)):
        with tarfile.open(path) as tar:
            for member in tar:
                names.append(member.name)
                file = tar.extractfile(member)
                assert file is not None
                image = Image.open(io.BytesIO(file.read()))
                assert image.mode == "L"
                pixels.append(np.asarray(image))
    assert names == [f"{name}.png" for name in films.dicom_id]
    assert (np.stack(pixels) == films.pixels).all()


def test_shards_are_full_but_for_the_last(tmp_path: Path) -> None:
    paths = pack(tmp_path, some_films(), cuts=())
    assert [path.name for path in paths] == [f"images-0000{k}.tar" for k in range(3)]
    assert [len(members(path)) for path in paths] == [10, 10, 5]


def test_a_full_last_shard_begins_no_other(tmp_path: Path) -> None:
    assert len(pack(tmp_path, some_films(20), cuts=())) == 2


def test_bytes_are_the_same_however_films_arrive(tmp_path: Path) -> None:
    one = pack(tmp_path / "one", some_films(), cuts=())
    other = pack(tmp_path / "elsewhere", some_films(), cuts=(3, 10, 24))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_no_time_or_owner_is_in_the_files(tmp_path: Path) -> None:
    for path in pack(tmp_path, some_films(), cuts=()):
        for member in members(path):
            assert (member.mtime, member.uid, member.gid) == (0, 0, 0)
            assert (member.uname, member.gname) == ("", "")


def test_no_film_makes_no_file(tmp_path: Path) -> None:
    assert pack(tmp_path, some_films(0), cuts=()) == []
