"""Tables to make a card of: the example hospital's, and those of a small synthetic cohort."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from fusehr.core.frame.files import read_json, write_json
from fusehr.core.frame.params import validate
from fusehr.core.mimic_files import MANIFEST, Manifest
from fusehr.core.params.raw import ChestImageParams, SignalParams, SyntheticParams
from fusehr.core.params.tables import TablesParams
from fusehr.raw import manifest
from fusehr.raw.synthetic import cohort
from fusehr.tables.convert import convert

REPOSITORY = Path(__file__).parents[3]


def table_params() -> TablesParams:
    """The block `tables` of params.yaml."""
    block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["tables"]
    return validate(block, TablesParams, "tables")


@pytest.fixture(scope="session")
def card_params() -> TablesParams:
    """As table_params."""
    return table_params()


@pytest.fixture
def restricted(synthetic: Path, tmp_path: Path) -> Path:
    """The synthetic cohort, called restricted as the full MIMIC-IV is."""
    folder = tmp_path / "restricted"
    shutil.copytree(synthetic, folder)
    content = read_json(folder / "raw" / MANIFEST)
    write_json(folder / "raw" / MANIFEST, content | {"restricted": True})
    return folder


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `raw` and `tables` of 250 synthetic patients."""
    folder = tmp_path_factory.mktemp("synthetic")
    drawn = SyntheticParams(
        patients=250,
        seed=20,
        long_stay_share=0.58,
        dirty_share=0.002,
        signal=SignalParams(severity=1.0, notes=1.0, image=1.0, graph=1.0),
        images=ChestImageParams(size=32, pool=20),
    )
    raw = folder / "raw"
    cohort.write(raw, drawn)
    manifest.write(raw, Manifest("synthetic", False, tuple(manifest.complete(raw))))
    convert(raw, folder / "tables", folder / "metrics.json", table_params())
    return folder
