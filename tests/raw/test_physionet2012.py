"""Sets of the Challenge 2012 from a mirror and from a web server, checked to the line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fusehr.core import cache_folder, download
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import validate
from fusehr.core.params.raw import Physionet2012Params
from fusehr.core.physionet2012_files import sets_in
from fusehr.raw import physionet2012

from ..challenge2012 import HEADER, OUTCOMES, record, write_set, write_sets

PARAMS = Physionet2012Params(url="", train=["a"], test=["b"])


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "files" / physionet2012.PROJECT
    write_sets(folder)
    monkeypatch.setenv("FUSEHR_MIRROR", str(tmp_path / "files"))
    return folder


def test_sets_come_as_they_are_with_the_fold_of_each(mirrored, tmp_path):
    entries = physionet2012.write(tmp_path / "raw", PARAMS)
    names = ["Outcomes-a.txt", "Outcomes-b.txt", "set-a.tar.gz", "set-b.tar.gz", "sets.json"]
    assert sorted(entry.name for entry in entries) == [f"challenge-2012/{name}" for name in names]
    for name in names[:-1]:
        copied = tmp_path / "raw/challenge-2012" / name
        assert copied.read_bytes() == (mirrored / name).read_bytes()
    assert sets_in(tmp_path / "raw") == {"a": "train", "b": "test"}


def test_only_the_sets_needed_are_downloaded_and_a_broken_one_is_forgotten(
    web, mirrored, tmp_path, monkeypatch
):
    monkeypatch.delenv("FUSEHR_MIRROR")
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "cache"))
    write_set(mirrored, "c", {"4.txt": record(4)}, "4,5,1,-1,400,0\n")
    web.files = {f"c/{path.name}": path.read_bytes() for path in mirrored.iterdir()}
    good = web.files["c/set-b.tar.gz"]
    web.files["c/set-b.tar.gz"] = good[:-30]
    params = Physionet2012Params(url=f"{web.url}/c", train=["a"], test=["b"])
    with pytest.raises(InputError, match=r"set-b.tar.gz: expected a whole tar.gz archive"):
        physionet2012.write(tmp_path / "raw", params)
    web.files["c/set-b.tar.gz"] = good
    shutil.rmtree(tmp_path / "raw")
    physionet2012.write(tmp_path / "raw", params)
    asked = [name for name, _ in web.asked]
    assert asked.count("c/set-a.tar.gz") == 1
    assert asked.count("c/set-b.tar.gz") == 2
    assert not any("set-c" in name for name in asked)
    assert cache_folder.cache_folder("physionet").is_dir()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Time,Name,Value\n", f"line 1: expected {HEADER}, found another first line"),
        (record(9, "00:07,HR"), r"line 8: expected three fields \(.*\), found 2"),
        (record(9, "0007,HR,80"), "line 8: column Time: expected hours and minutes as HH:MM"),
        (record(9, "00:07,HR,eighty"), "line 8: column Value: expected a number"),
        (record(9, "00:07,HR,80", "", "00:08,HR,80"), "line 9: expected three fields"),
    ],
)
def test_a_broken_record_is_named_with_its_line(mirrored, tmp_path, text, message):
    write_set(mirrored, "b", {"9.txt": text}, "9,5,1,-1,400,0\n")
    with pytest.raises(InputError, match=rf"^set-b.tar.gz: set-b/9.txt: {message}") as refused:
        physionet2012.write(tmp_path / "raw", PARAMS)
    assert "eighty" not in str(refused.value)


def test_a_record_without_series_an_empty_value_and_an_exponent_are_whole(mirrored, tmp_path):
    lines = ("00:07,AST,1.422e+04", "00:08,,", "100:00,HR,-1")
    records = {"9.txt": record(9), "10.txt": record(10, *lines).replace("\n", "\r\n")}
    write_set(mirrored, "b", records, "9,5,1,-1,400,0\n10,5,1,-1,400,0\n")
    assert physionet2012.write(tmp_path / "raw", PARAMS)


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ("3,5,1,-1,400,2\n", "Outcomes-b.txt: line 2: column In-hospital_death: expected 0 or 1"),
        ("3,5,1,-1,x,0\n", "Outcomes-b.txt: line 2: column Survival: expected a whole number"),
        ("3,5,1,-1,0\n", "Outcomes-b.txt: line 2: expected 6 fields, found 5"),
        ("3,5,1,4,4,0\n3,5,1,4,4,0\n", "Outcomes-b.txt: line 3: column RecordID: expected each"),
        ("3,5,1,4,4,0\n4,5,1,4,4,0\n", "set-b.tar.gz: expected record 4, found none"),
        ("", "Outcomes-b.txt: expected record 3, found none"),
    ],
)
def test_broken_outcomes_are_named(mirrored, tmp_path, outcomes, message):
    (mirrored / "Outcomes-b.txt").write_text(f"{OUTCOMES}\n{outcomes}")
    with pytest.raises(InputError, match=f"^{message}"):
        physionet2012.write(tmp_path / "raw", PARAMS)


def test_a_missing_column_of_the_outcomes_is_named(mirrored, tmp_path):
    path = mirrored / "Outcomes-b.txt"
    path.write_text(path.read_text().replace("Survival", "Lived"))
    with pytest.raises(InputError, match=r"^Outcomes-b\.txt: line 1: column Survival: "):
        physionet2012.write(tmp_path / "raw", PARAMS)


def test_a_record_in_two_sets_is_refused(mirrored, tmp_path):
    write_set(mirrored, "b", {"1.txt": record(1)}, "1,5,1,-1,400,0\n")
    with pytest.raises(InputError, match=r"record 1: expected in one set, found in set-a"):
        physionet2012.write(tmp_path / "raw", PARAMS)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (["a"], ["a"], "expected each set once, in train or in test, found a twice"),
        (["a", "a"], ["b"], "found a twice"),
        ([], ["b"], "train: List should have at least 1 item"),
        (["a"], ["d"], "test.0: Input should be 'a', 'b' or 'c'"),
    ],
)
def test_sets_are_named_once_each(train, test, message):
    block = json.loads(json.dumps({"url": "", "train": train, "test": test}))
    with pytest.raises(InputError, match=message):
        validate(block, Physionet2012Params, "raw.physionet2012")


@pytest.mark.real
def test_the_real_sets_are_whole(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSEHR_MIRROR", str(mirror))
    entries = physionet2012.write(tmp_path / "raw", PARAMS)
    assert len(entries) == 5
    found = physionet2012.check_outcomes(mirror / physionet2012.PROJECT / "Outcomes-b.txt", "b")
    assert len(found) == 4000
