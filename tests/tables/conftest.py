"""The example hospital of tests/tables/example, and parameters as params.yaml gives them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from fusehr.core.frame.params import validate
from fusehr.core.params.tables import TablesParams
from fusehr.tables.convert import convert

EXAMPLE = Path(__file__).parent / "example"
REPOSITORY = Path(__file__).parents[2]


# Of five images that the example's metadata lists, the pixels of three are at hand.
EXAMPLE_IMAGES = {
    name: np.full((4, 4), grey, dtype=np.uint8)
    for name, grey in (("dd04", 90), ("aa01", 10), ("bb02", 200))
}


def write_shard(path: Path, images: Mapping[str, np.ndarray], mode: str = "L") -> None:
    """A tar file of PNGs named as `images` are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, pixels in images.items():
            content = io.BytesIO()
            Image.fromarray(pixels).convert(mode).save(content, "PNG")
            member = tarfile.TarInfo(f"{name}.png")
            member.size = content.tell()
            content.seek(0)
            tar.addfile(member, content)


@pytest.fixture
def example() -> dict[str, str]:
    """Tables of the example hospital by name, as CSV text, free to be changed."""
    folder = EXAMPLE / "in"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_text()
        for path in sorted(folder.rglob("*.csv"))
    }


@pytest.fixture(scope="session")
def params() -> Callable[..., TablesParams]:
    """The block `tables` of params.yaml, with changes by dotted name."""

    def make(**changes: Any) -> TablesParams:
        block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["tables"]
        for name, value in changes.items():
            *parents, last = name.split("__")
            node = block
            for parent in parents:
                node = node[parent]
            node[last] = value
        return validate(block, TablesParams, "tables")

    return make


@pytest.fixture(scope="session")
def tolerant(params: Callable[..., TablesParams]) -> Callable[..., TablesParams]:
    """As `params`, with shares of dirt that the few rows of the example hospital do not exceed."""

    def make(**changes: Any) -> TablesParams:
        return params(**({"max_dirty_share": 0.6, "max_duplicate_share": 0.6} | changes))

    return make


@pytest.fixture
def converted(
    tmp_path: Path,
    example: dict[str, str],
    tolerant: Callable[..., TablesParams],
    make_hospital: Callable[..., None],
) -> Path:
    """A folder with the example hospital: `raw`, its `tables` and its `metrics.json`."""
    write_shard(tmp_path / "raw" / "cxr" / "images-00000.tar", EXAMPLE_IMAGES)
    make_hospital(tmp_path / "raw", example)
    convert(tmp_path / "raw", tmp_path / "tables", tmp_path / "metrics.json", tolerant())
    return tmp_path
