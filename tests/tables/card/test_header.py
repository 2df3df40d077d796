"""The header of the card: what the hub reads of a source, told by its manifest and tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import SOURCES
from fusehr.core.params.tables import TablesParams
from fusehr.tables.card import page
from fusehr.tables.card.contents import Contents, count
from fusehr.tables.card.header import ORIGINS, header, size_category
from fusehr.tables.card.source import open_source
from fusehr.tables.card.write import write_card


@pytest.fixture(scope="module")
def contents(synthetic: Path, card_params: TablesParams) -> Contents:
    """Counts of the synthetic cohort."""
    with open_source(synthetic / "raw", synthetic / "tables", card_params) as con:
        return count(con, synthetic / "tables")


def _keys(text: str) -> dict[str, Any]:
    before, block, _rest = text.split("---\n", 2)
    assert before == ""
    return yaml.safe_load(block)


def test_the_card_begins_with_what_the_hub_reads(
    synthetic: Path, card_params: TablesParams, tmp_path: Path
) -> None:
    write_card(synthetic / "raw", synthetic / "tables", tmp_path, card_params)
    keys = _keys((tmp_path / "dataset.md").read_text())
    samples = len(pd.read_parquet(synthetic / "tables/samples.parquet"))
    assert 1000 < samples < 10_000
    assert keys["size_categories"] == ["1K<n<10K"]
    assert keys["license"] == "mit"
    assert keys["language"] == ["en"]
    assert set(keys["task_categories"]) == {
        "tabular-classification",
        "text-classification",
        "image-classification",
    }
    assert {"mimic-iv", "synthetic"} <= set(keys["tags"])
    assert keys["pretty_name"]


def test_a_source_without_notes_and_pixels_names_neither_language_nor_their_tasks(
    contents: Contents,
) -> None:
    bare = replace(
        contents,
        rows=contents.rows | {"notes": 0},
        images=contents.images | {"with_pixels": 0},
    )
    keys = _keys(header(Manifest("mimic4_demo", False, ()), bare) + "\n")
    assert keys["license"] == "odbl"
    assert keys["task_categories"] == ["tabular-classification"]
    assert "language" not in keys


@pytest.mark.parametrize(("source", "version"), [("mimic4", "3.1"), ("mimic3", "1.4")])
def test_a_credentialed_source_names_its_licence_at_its_release(
    contents: Contents, source: str, version: str
) -> None:
    keys = _keys(header(Manifest(source, True, (), version), contents) + "\n")
    assert keys["license"] == "other"
    assert keys["license_name"] == "physionet-credentialed-health-data-license-1.5.0"
    assert keys["license_link"].endswith(f"/view-license/{version}/")
    assert keys["pretty_name"].endswith(version)


def test_every_source_is_told_of_and_named_save_what_its_user_brings(contents: Contents) -> None:
    assert set(page.SOURCES) == set(SOURCES) == set(page.LIMITS) | set(page.BROUGHT)
    assert set(SOURCES) - set(ORIGINS) == set(page.BROUGHT)
    for source in page.BROUGHT:
        keys = _keys(header(Manifest(source, False, ()), contents) + "\n")
        assert (keys["pretty_name"], keys["license"]) == (source, "unknown")


def test_sizes_are_named_as_the_hub_does() -> None:
    named = [size_category(n) for n in (0, 999, 1000, 45_705, 10**6, 10**8)]
    assert named == ["n<1K", "n<1K", "1K<n<10K", "10K<n<100K", "1M<n<10M", "n>100M"]
