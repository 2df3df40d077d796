"""The script of stage `raw`, run as DVC runs it: data/raw whole, or not at all."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import runpy
from pathlib import Path

import pytest
import yaml

from fusehr.core.frame import params as load
from fusehr.core.mimic_layout import TABLES
from fusehr.raw import mimic4_demo

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path, make_mimic, make_mimic3, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace with the repository's pipeline, and small sources outside it."""
    folder = tmp_path / "workspace"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text("[core]\n    remote = open\n")
    (folder / "dvc.yaml").write_text((REPOSITORY / "dvc.yaml").read_text())
    monkeypatch.chdir(folder)
    make_mimic(tmp_path / "mirror/mimic-iv-demo/2.2", "hosp", "icu")
    make_mimic(tmp_path / "credentialed", "hosp", "icu")
    monkeypatch.setenv("FUSEHR_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("FUSEHR_MIMIC4", str(tmp_path / "credentialed"))
    make_mimic3(tmp_path / "older")
    monkeypatch.setenv("FUSEHR_MIMIC3", str(tmp_path / "older"))
    return folder


def run(source: str, remote: str = "open", notes_file: dict[str, str] | None = None) -> None:
    """Set the source in the repository's own parameters and run the script."""
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["raw"] |= {"source": source, "remote": remote, "notes_file": notes_file}
    params["raw"]["mimic4_demo"]["verify"] = False
    params["raw"]["mimic4"]["parts"] = ["hosp", "icu"]
    Path("params.yaml").write_text(yaml.safe_dump(params))
    runpy.run_path(str(REPOSITORY / "stages/raw.py"), run_name="__main__")


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_demo_is_written_whole_with_its_manifest(workspace):
    run("mimic4_demo")
    written = content(workspace / "data/raw")
    assert written.keys() == {table.file for table in TABLES} | {"manifest.json"}
    manifest = json.loads(written["manifest.json"])
    assert (manifest["source"], manifest["restricted"]) == ("mimic4_demo", False)
    assert [p.name for p in (workspace / "data").iterdir()] == ["raw"]


def test_full_mimic_is_marked_restricted_and_not_copied(workspace, tmp_path):
    run("mimic4", remote="restricted")
    written = content(workspace / "data/raw")
    assert not [name for name in written if name.startswith(("hosp/", "icu/"))]
    manifest = json.loads(written["manifest.json"])
    assert (manifest["source"], manifest["restricted"]) == ("mimic4", True)
    assert not [name for name, blob in written.items() if str(tmp_path).encode() in blob]


@pytest.mark.parametrize(
    ("source", "remote"),
    [("mimic4_demo", "open"), ("mimic4", "restricted"), ("mimic3", "restricted")],
)
def test_two_runs_give_the_same_bytes(workspace, source, remote):
    run(source, remote)
    first = content(workspace / "data/raw")
    run(source, remote)
    assert content(workspace / "data/raw") == first


def test_change_of_source_leaves_no_file_of_the_earlier_one(workspace):
    run("mimic4_demo")
    run("mimic4", remote="restricted")
    assert not (workspace / "data/raw/hosp").exists()


@pytest.mark.parametrize(
    ("source", "remote"),
    [("mimic4_demo", "open"), ("mimic4", "restricted"), ("mimic3", "restricted")],
)
def test_own_notes_stand_beside_any_source_and_are_listed(workspace, tmp_path, source, remote):
    path = tmp_path / "notes.csv"
    path.write_text("patient_id,time,text\n7,2150-01-31 08:00,Slept well.\n")
    chosen = {"path": str(path), "kind": "nursing"}
    run(source, remote, chosen)
    first = content(workspace / "data/raw")
    packed = first["note/own_notes.csv.gz"]
    assert b"Slept well." in gzip.decompress(packed)
    listed = [
        entry
        for entry in json.loads(first["manifest.json"])["files"]
        if entry["name"] == "note/own_notes.csv.gz"
    ]
    assert [entry["sha256"] for entry in listed] == [hashlib.sha256(packed).hexdigest()]
    assert not [name for name, blob in first.items() if str(tmp_path).encode() in blob]
    run(source, remote, chosen)
    assert content(workspace / "data/raw") == first


def test_a_broken_notes_file_leaves_nothing(workspace, tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("patient_id,time,text\n7,someday,Slept well.\n")
    with pytest.raises(SystemExit, match=r"notes\.csv: line 2: column time"):
        run("mimic4_demo", notes_file={"path": str(path), "kind": "nursing"})
    assert list((workspace / "data").iterdir()) == []


def test_unknown_source_lists_the_known_ones(workspace):
    with pytest.raises(SystemExit) as ended:
        run("mimic5")
    assert ended.value.code == (
        "error: params.yaml: raw.source: expected one of synthetic, mimic4_demo, mimic4, mimic3, "
        "physionet2012, oneehr, meds, flat, emr_csv, found mimic5"
    )
    assert not (workspace / "data/raw").exists()


def test_bad_table_ends_in_one_line_and_leaves_nothing(workspace, tmp_path):
    path = tmp_path / "mirror/mimic-iv-demo/2.2/icu/icustays.csv.gz"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(SystemExit) as ended:
        run("mimic4_demo")
    assert ended.value.code == (
        "error: icu/icustays.csv.gz: expected a whole gzip file, found it truncated"
    )
    assert list((workspace / "data").iterdir()) == []


def test_full_disk_ends_in_one_line_and_leaves_nothing(workspace, monkeypatch):
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mimic4_demo.shutil, "copyfile", full)
    with pytest.raises(SystemExit) as ended:
        run("mimic4_demo")
    assert ended.value.code == (
        "error: data/.raw.partial/hosp/patients.csv.gz: No space left on device"
    )
    assert list((workspace / "data").iterdir()) == []


@pytest.mark.parametrize("source", ["mimic4", "mimic3"])
def test_restricted_data_never_meets_the_default_remote(workspace, source):
    with pytest.raises(SystemExit, match=r"raw\.remote: .*found open"):
        run(source, remote="open")
    assert not (workspace / "data/raw").exists()


@pytest.mark.parametrize("source", ["mimic4_demo", "mimic4", "mimic3"])
def test_reads_just_what_is_declared(workspace, monkeypatch, source):
    made: list[load.StageParams] = []
    original = load.stage_params
    monkeypatch.setattr(load, "stage_params", lambda s: made.append(original(s)) or made[-1])
    run(source, remote="restricted")
    assert set(made[0].declared) == made[0].reads
