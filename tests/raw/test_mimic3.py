"""MIMIC-III in place: where its files are looked for, what is checked, what data/raw gets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic3_layout import NOTES, TABLES, table
from fusehr.core.mimic_files import RAW, Manifest, resolve
from fusehr.core.params.raw import Mimic3Params
from fusehr.raw import manifest, mimic3

WHOLE = Mimic3Params(version="1.4", notes=True)
WITHOUT_NOTES = Mimic3Params(version="1.4", notes=False)
IN_RAW = {
    *("ed/edstays", "ed/triage", "ed/vitalsign", "cxr/metadata", "cxr/chexpert"),
    *("kg/kg", "kg/disease_features", "note/own_notes"),
    *("hosp/d_icd_diagnoses", "hosp/d_icd_procedures"),
}


@pytest.fixture
def place(tmp_path: Path, make_mimic3, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of MIMIC-III's files that FUSEHR_MIMIC3 names; the workspace is elsewhere."""
    root = tmp_path / "credentialed"
    make_mimic3(root)
    monkeypatch.setenv("FUSEHR_MIMIC3", str(root))
    workspace = tmp_path / "workspace"
    (workspace / ".dvc").mkdir(parents=True)
    (workspace / ".dvc/config").write_text("[core]\n    remote = open\n")
    monkeypatch.chdir(workspace)
    return root


@pytest.fixture
def nested(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same files in PhysioNet's own folder."""
    root = place.parent / "files"
    (root / "mimiciii").mkdir(parents=True)
    place.rename(root / "mimiciii/1.4")
    monkeypatch.setenv("FUSEHR_MIMIC3", str(root))
    return root


def write_raw(params: Mimic3Params = WHOLE, remote: str = "closed") -> Path:
    RAW.mkdir(parents=True, exist_ok=True)
    entries = mimic3.write(RAW, params, remote)
    manifest.write(RAW, Manifest("mimic3", True, tuple(entries), params.version))
    return RAW


def files_in(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_the_manifest_lists_all_and_names_no_folder_of_this_host(place: Path) -> None:
    raw = write_raw()
    assert files_in(raw) == {*(f"{key}.csv.gz" for key in IN_RAW), "manifest.json"}
    text = (raw / "manifest.json").read_text()
    assert str(place) not in text
    names = {entry["name"] for entry in json.loads(text)["files"]}
    assert names == {each.file for each in TABLES} | {f"{key}.csv.gz" for key in IN_RAW}


def test_the_manifest_does_not_depend_on_the_layout(place: Path, request) -> None:
    flat = (write_raw() / "manifest.json").read_bytes()
    root = request.getfixturevalue("nested")
    assert (write_raw() / "manifest.json").read_bytes() == flat
    path = resolve("mimic3/patients")
    assert path == root / "mimiciii/1.4/PATIENTS.csv.gz"


def test_the_demos_unpacked_files_in_small_letters(place: Path, make_mimic3) -> None:
    for path in place.iterdir():
        path.unlink()
    make_mimic3(place, str.lower, unpacked=True)
    write_raw()
    assert resolve("mimic3/chartevents") == place / "CHARTEVENTS.csv"


def test_titles_of_codes_are_written_in_mimic4s_layout(place: Path) -> None:
    path = place / "D_ICD_DIAGNOSES.csv.gz"
    header = "ROW_ID,ICD9_CODE,SHORT_TITLE,LONG_TITLE\n"
    path.write_bytes(gzip.compress((header + '1,"0389",short,"Sepsis, other"\n').encode()))
    raw = write_raw()
    written = gzip.decompress((raw / "hosp/d_icd_diagnoses.csv.gz").read_bytes()).decode()
    assert written == 'icd_code,icd_version,long_title\n0389,9,"Sepsis, other"\n'


def test_notes_left_out_are_an_empty_table(place: Path) -> None:
    (place / "NOTEEVENTS.csv.gz").unlink()
    raw = write_raw(WITHOUT_NOTES)
    assert resolve("mimic3/noteevents") == raw / NOTES.file
    assert gzip.decompress((raw / NOTES.file).read_bytes()).count(b"\n") == 1


def test_a_missing_table_is_named_with_the_places_looked_at(place: Path) -> None:
    (place / "NOTEEVENTS.csv.gz").unlink()
    wanted = (
        r"mimic3/noteevents\.csv\.gz: expected \$FUSEHR_MIMIC3/NOTEEVENTS\.csv\.gz or "
        r"\$FUSEHR_MIMIC3/NOTEEVENTS\.csv, found no such file"
    )
    with pytest.raises(InputError, match=wanted):
        write_raw()


def test_a_missing_column_is_named(place: Path) -> None:
    columns = [name for name in table("mimic3/icustays").columns if name != "dbsource"]
    header = ",".join(columns).upper() + "\n"
    (place / "ICUSTAYS.csv.gz").write_bytes(gzip.compress(header.encode()))
    with pytest.raises(InputError, match=r"ICUSTAYS\.csv\.gz: column dbsource: expected"):
        write_raw()


def test_a_truncated_table_is_named(place: Path) -> None:
    path = place / "LABEVENTS.csv.gz"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"LABEVENTS\.csv\.gz: expected a whole gzip file"):
        write_raw()


def test_a_file_replaced_after_the_check_is_named(place: Path) -> None:
    write_raw()
    path = place / "CHARTEVENTS.csv.gz"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match=r"\$FUSEHR_MIMIC3/CHARTEVENTS\.csv\.gz: expected \d+ by"):
        resolve("mimic3/chartevents")


def test_a_folder_of_another_release_is_an_error(nested: Path, monkeypatch) -> None:
    monkeypatch.setenv("FUSEHR_MIMIC3", str(nested / "mimiciii/1.4"))
    with pytest.raises(InputError, match=r"raw\.mimic3\.version: expected 1\.4, .*found 1\.3"):
        write_raw(Mimic3Params(version="1.3", notes=True))
    write_raw()


def test_an_unset_variable_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUSEHR_MIMIC3")
    with pytest.raises(InputError, match=r"FUSEHR_MIMIC3: .*MIMIC-III .*found it unset"):
        write_raw()


def test_the_default_remote_is_refused(place: Path) -> None:
    with pytest.raises(InputError, match=r"raw\.remote: expected another .*found open"):
        write_raw(remote="open")
    assert files_in(RAW) == set()
