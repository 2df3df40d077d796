"""What every test may use: a hospital in MIMIC's layout, and the real data where it is at hand."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from fusehr.core.mimic_files import Manifest
from fusehr.core.mimic_layout import TABLES
from fusehr.raw import manifest

REPOSITORY = Path(__file__).parents[1]
MIRROR = os.environ.get("FUSEHR_MIRROR")

# Tests are never timed, and the same examples are drawn on every run.
settings.register_profile("fusehr", deadline=None, derandomize=True)
settings.load_profile("fusehr")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `real` skip where FUSEHR_MIRROR names no folder."""
    if MIRROR and Path(MIRROR).is_dir():
        return
    reason = "FUSEHR_MIRROR names no folder with mimic-iv-demo/2.2 in it"
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder of the real data; only for tests marked `real`."""
    assert MIRROR
    return Path(MIRROR)


def write_hospital(raw: Path, tables: dict[str, str]) -> None:
    """`tables` (name such as hosp/patients: CSV text) packed into `raw`, the rest empty, listed."""
    for table in TABLES:
        path = raw / table.file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = tables.get(table.key, ",".join(table.columns) + "\n")
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    manifest.write(raw, Manifest("synthetic", False, tuple(manifest.complete(raw))))


@pytest.fixture
def make_hospital() -> Callable[[Path, dict[str, str]], None]:
    """write_hospital, for tests that make a hospital of their own."""
    return write_hospital
