"""Small files in MIMIC's layout, and a web server that can misbehave."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from fusehr.core import mimic3_layout
from fusehr.core.mimic_layout import TABLES, MimicTable


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees this host's data folders, cache or DVC settings."""
    for name in ("FUSEHR_MIRROR", "FUSEHR_MIMIC4", "FUSEHR_MIMIC3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "cache"))
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "dvc-settings"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def table_text(table: MimicTable, rows: int = 2) -> str:
    """The table with its header and `rows` rows."""
    lines = [",".join(table.columns)]
    lines += [",".join(f"{number}" for _ in table.columns) for number in range(rows)]
    return "\n".join(lines) + "\n"


def table_bytes(table: MimicTable) -> bytes:
    """The table with its header and two rows, packed."""
    return gzip.compress(table_text(table).encode(), mtime=0)


def write_mimic(root: Path, *parts: str) -> None:
    """Every table of `parts` below `root`, two rows each, in the flat layout."""
    for table in TABLES:
        if table.part in parts:
            path = root / table.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(table_bytes(table))


@pytest.fixture
def make_mimic() -> Callable[..., None]:
    return write_mimic


def write_mimic3(
    folder: Path, name: Callable[[str], str] = str.upper, *, unpacked: bool = False
) -> None:
    """MIMIC-III's tables, two rows each, their columns named as `name` makes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in mimic3_layout.TABLES:
        header, rows = table_text(table).split("\n", 1)
        text = name(header) + "\n" + rows
        path = folder / f"{table.name.upper()}.csv"
        if unpacked:
            path.write_text(text)
        else:
            path.with_suffix(".csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


@pytest.fixture
def make_mimic3() -> Callable[..., None]:
    return write_mimic3
