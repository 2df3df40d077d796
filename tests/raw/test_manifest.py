"""The manifest lists every file, sorted, and repeats to the byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import FileEntry, Manifest, read_manifest
from fusehr.core.mimic_layout import TABLES
from fusehr.raw import manifest


@pytest.fixture
def folder(tmp_path: Path, make_mimic) -> Path:
    make_mimic(tmp_path, "hosp", "icu", "ed")
    (tmp_path / "truth.parquet").write_bytes(b"truth")
    (tmp_path / "cxr").mkdir()
    (tmp_path / "cxr/images.tar").write_bytes(b"images")
    return tmp_path


def test_lists_tables_and_every_other_file(folder):
    entries = manifest.complete(folder)
    names = {entry.name for entry in entries}
    assert names == {table.file for table in TABLES} | {"truth.parquet", "cxr/images.tar"}
    assert len(entries) == len(names)
    for entry in entries:
        content = (folder / entry.name).read_bytes()
        assert entry.size == len(content)
        assert entry.sha256 == hashlib.sha256(content).hexdigest()


def test_written_sorted_and_read_back(folder):
    entries = tuple(reversed(manifest.complete(folder)))
    manifest.write(folder, Manifest("synthetic", False, entries))
    content = json.loads((folder / "manifest.json").read_text())
    assert list(content) == ["files", "restricted", "source"]
    names = [entry["name"] for entry in content["files"]]
    assert names == sorted(names)
    read = read_manifest(folder)
    assert (read.source, read.restricted, read.version) == ("synthetic", False, None)
    assert set(read.files) == set(entries)


def test_same_files_give_the_same_bytes(folder):
    entries = tuple(manifest.complete(folder))
    manifest.write(folder, Manifest("synthetic", False, entries))
    first = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").unlink()
    manifest.write(folder, Manifest("synthetic", False, tuple(manifest.complete(folder))))
    assert (folder / "manifest.json").read_bytes() == first


def test_table_already_checked_is_not_listed_twice(folder):
    checked = [entry for entry in manifest.complete(folder) if entry.name.startswith("hosp/")]
    again = manifest.complete(folder, checked)
    assert len({entry.name for entry in again}) == len(again)


def test_missing_table_of_a_required_part_is_named(folder):
    (folder / "icu/icustays.csv.gz").unlink()
    with pytest.raises(InputError, match=r"icu/icustays\.csv\.gz: expected the table"):
        manifest.complete(folder)


def test_manifest_missing_or_of_another_form_is_named(tmp_path):
    with pytest.raises(InputError, match=r"manifest\.json: expected a file, found none"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"source": "x", "restricted": false}')
    with pytest.raises(InputError, match=r"manifest\.json: expected source.*found 'files'"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(
        '{"source": "x", "restricted": false, "files": [{"path": "/a"}]}'
    )
    with pytest.raises(InputError, match=r"manifest\.json: expected source"):
        read_manifest(tmp_path)


def test_version_is_written_only_where_there_is_one():
    entry = FileEntry("a", 1, "0")
    assert "version" not in Manifest("synthetic", False, (entry,)).as_json()
    assert Manifest("mimic4", True, (entry,), "3.1").as_json()["version"] == "3.1"
