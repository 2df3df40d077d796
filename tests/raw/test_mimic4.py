"""The full MIMIC-IV in place, and where the tables' readers find its files."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import CXR_NAMES, RAW, FileEntry, Manifest, resolve
from fusehr.core.mimic_layout import TABLES, table
from fusehr.core.params.raw import Mimic4Params
from fusehr.raw import manifest, mimic4

ALL = Mimic4Params(version="3.1", parts=["hosp", "icu", "ed", "note", "cxr"])
TWO = Mimic4Params(version="3.1", parts=["hosp", "icu"])


@pytest.fixture
def place(tmp_path: Path, make_mimic, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the flat layout that FUSEHR_MIMIC4 names; the workspace is elsewhere."""
    root = tmp_path / "credentialed"
    make_mimic(root, *ALL.parts)
    monkeypatch.setenv("FUSEHR_MIMIC4", str(root))
    workspace = tmp_path / "workspace"
    (workspace / ".dvc").mkdir(parents=True)
    (workspace / ".dvc/config").write_text(
        "[core]\n    remote = open\n"
        "['remote \"open\"']\n    url = https://example.org/open\n"
        "['remote \"closed\"']\n    url = https://example.org/closed\n"
        "['remote \"alias\"']\n    url = https://example.org/open\n"
    )
    monkeypatch.chdir(workspace)
    return root


@pytest.fixture
def nested(place: Path) -> Path:
    """The same files as PhysioNet's own folders have them."""
    for part, folder in {
        "hosp": "mimiciv/3.1/hosp",
        "icu": "mimiciv/3.1/icu",
        "ed": "mimic-iv-ed/2.2/ed",
        "note": "mimic-iv-note/2.2/note",
        "cxr": "mimic-cxr-jpg/2.10.0",
    }.items():
        (place / folder).parent.mkdir(parents=True, exist_ok=True)
        (place / part).rename(place / folder)
    cxr = place / "mimic-cxr-jpg/2.10.0"
    for name, file in CXR_NAMES.items():
        (cxr / f"{name}.csv.gz").rename(cxr / file)
    return place


def write_raw(params: Mimic4Params = ALL, remote: str = "closed") -> Path:
    folder = Path("data/raw")
    folder.mkdir(parents=True, exist_ok=True)
    entries = mimic4.write(folder, params, remote)
    manifest.write(folder, Manifest("mimic4", True, tuple(entries), params.version))
    return folder


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_manifest_is_all_and_names_no_folder_of_this_host(place):
    raw = write_raw()
    additional = [table.file for table in TABLES if table.additional]
    assert files_in(raw) == sorted([*additional, "manifest.json"])
    text = (raw / "manifest.json").read_text()
    assert str(place) not in text and str(Path.cwd()) not in text
    content = json.loads(text)
    assert (content["source"], content["restricted"]) == ("mimic4", True)
    names = [entry["name"] for entry in content["files"]]
    assert names == sorted(table.file for table in TABLES)


def test_manifest_does_not_depend_on_the_layout(place, request):
    flat = (write_raw() / "manifest.json").read_bytes()
    request.getfixturevalue("nested")
    assert (write_raw() / "manifest.json").read_bytes() == flat


def test_parts_left_out_are_empty_tables_even_where_the_files_are(place):
    raw = write_raw(TWO)
    left_out = sorted(t.file for t in TABLES if t.part in ("ed", "note", "cxr", "kg"))
    assert files_in(raw) == sorted([*left_out, "manifest.json"])
    for name in left_out:
        assert gzip.decompress((raw / name).read_bytes()).count(b"\n") == 1


@pytest.mark.parametrize("layout", ["place", "nested"])
def test_resolve_finds_the_checked_file(layout, request):
    root = request.getfixturevalue(layout)
    write_raw()
    for each in TABLES:
        path = resolve(each.key)
        # what no release has is written empty
        assert path.is_relative_to(RAW if each.additional else root)
        assert gzip.decompress(path.read_bytes()).decode().startswith(",".join(each.columns))


def test_resolve_finds_the_empty_table_of_a_part_left_out(place):
    raw = write_raw(TWO)
    assert resolve("note/discharge") == raw / "note/discharge.csv.gz"


def test_resolve_of_an_open_source_stays_in_its_folder(tmp_path, make_mimic):
    make_mimic(tmp_path, "hosp", "icu")
    entries = tuple(manifest.complete(tmp_path))
    manifest.write(tmp_path, Manifest("synthetic", False, entries))
    assert resolve("hosp/patients", tmp_path) == tmp_path / "hosp/patients.csv.gz"
    (tmp_path / "hosp/patients.csv.gz").unlink()
    with pytest.raises(InputError, match=r"hosp/patients\.csv\.gz: expected a file, found none"):
        resolve("hosp/patients", tmp_path)


def test_newest_version_counts_as_numbers_do(nested):
    old = nested / "mimic-cxr-jpg/2.9.0"
    old.mkdir()
    (old / CXR_NAMES["metadata"]).write_bytes(b"old")
    write_raw()
    assert resolve("cxr/metadata").parent.name == "2.10.0"


def test_unset_variable_is_named(place, monkeypatch):
    write_raw()
    monkeypatch.delenv("FUSEHR_MIMIC4")
    with pytest.raises(InputError, match=r"environment variable FUSEHR_MIMIC4: .*found it unset"):
        write_raw()
    with pytest.raises(InputError, match=r"environment variable FUSEHR_MIMIC4: .*found it unset"):
        resolve("hosp/patients")


def test_variable_that_names_no_folder(place, monkeypatch):
    monkeypatch.setenv("FUSEHR_MIMIC4", str(place / "nowhere"))
    with pytest.raises(InputError, match=r"FUSEHR_MIMIC4: expected a folder, found .*nowhere"):
        write_raw()


def test_file_replaced_after_the_check_is_named(place):
    write_raw()
    path = place / "icu/chartevents.csv.gz"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"\0")
    wanted = rf"\$FUSEHR_MIMIC4/icu/chartevents\.csv\.gz: expected {size} bytes .*found {size + 1}"
    with pytest.raises(InputError, match=wanted) as caught:
        resolve("icu/chartevents")
    assert str(place) not in str(caught.value)


def test_missing_table_is_named_with_the_place_looked_at(place):
    (place / "icu/d_items.csv.gz").unlink()
    wanted = r"icu/d_items\.csv\.gz: expected \$FUSEHR_MIMIC4/icu/d_items\.csv\.gz, found no"
    with pytest.raises(InputError, match=wanted):
        write_raw()


def test_missing_part_is_looked_for_in_physionets_folders(nested):
    for path in (nested / "mimiciv/3.1/icu").iterdir():
        path.unlink()
    wanted = r"icu/icustays\.csv\.gz: expected \$FUSEHR_MIMIC4/mimiciv/3\.1/icu/icustays\.csv\.gz"
    with pytest.raises(InputError, match=wanted):
        write_raw()


def test_truncated_table_in_place_is_named(place):
    path = place / "hosp/labevents.csv.gz"
    path.write_bytes(path.read_bytes()[:-3])
    wanted = r"\$FUSEHR_MIMIC4/hosp/labevents\.csv\.gz: expected a whole gzip file, found .*trunc"
    with pytest.raises(InputError, match=wanted):
        write_raw()


def test_required_part_left_out_is_an_error(place):
    with pytest.raises(InputError, match=r"raw\.mimic4\.parts: expected icu .*found hosp, note"):
        write_raw(Mimic4Params(version="3.1", parts=["hosp", "note"]))


def test_folder_of_another_release_is_an_error(nested, monkeypatch):
    monkeypatch.setenv("FUSEHR_MIMIC4", str(nested / "mimiciv/3.1"))
    with pytest.raises(InputError, match=r"raw\.mimic4\.version: expected 3\.1, .*found 2\.2"):
        write_raw(Mimic4Params(version="2.2", parts=["hosp", "icu"]))
    write_raw(TWO)


@pytest.mark.parametrize(
    ("remote", "found"), [("open", "found open"), ("alias", "found alias"), ("", "found none")]
)
def test_default_remote_is_refused_by_name_and_by_address(place, remote, found):
    with pytest.raises(InputError, match=rf"raw\.remote: expected .*{found}$"):
        write_raw(remote=remote)
    assert not list(Path("data/raw").iterdir())


def test_default_remote_of_the_local_settings_counts(place):
    Path(".dvc/config.local").write_text("[core]\n    remote = closed\n")
    with pytest.raises(InputError, match=r"raw\.remote: .*\(closed, .*found closed"):
        write_raw()


def test_unknown_table_and_unlisted_table_are_told_apart(place):
    raw = write_raw()
    with pytest.raises(InputError, match="hosp/nothing: expected one of hosp/patients"):
        resolve("hosp/nothing")
    entry = FileEntry("hosp/patients.csv.gz", 1, "0")
    manifest.write(raw, Manifest("mimic4", True, (entry,), "3.1"))
    with pytest.raises(InputError, match=r"manifest\.json: expected icu/icustays\.csv\.gz"):
        resolve("icu/icustays")


def test_columns_of_the_layout_are_those_of_the_documentation():
    # mimic.mit.edu/docs/iv/modules: the keys that joins go by stand in every table of events.
    for key in ("labevents", "prescriptions", "microbiologyevents"):
        assert {"subject_id", "hadm_id"} <= set(table(f"hosp/{key}").columns)
    for key in ("chartevents", "inputevents", "procedureevents"):
        assert {"stay_id", "itemid", "storetime"} <= set(table(f"icu/{key}").columns)
    assert all(len(set(each.columns)) == len(each.columns) for each in TABLES)
    assert all(re.fullmatch(r"[A-Za-z0-9_ ]+", c) for each in TABLES for c in each.columns)
