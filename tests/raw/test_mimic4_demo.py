"""The demo from a web server, from a mirror, and, where there is one, the real files."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from fusehr.core import cache_folder, download
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_folder
from fusehr.core.mimic_layout import OPTIONAL_PARTS, REQUIRED_PARTS, TABLES
from fusehr.core.params.raw import Mimic4DemoParams
from fusehr.raw import mimic4_demo, physionet

REAL_MIRROR = os.environ.get("FUSEHR_MIRROR", "")
PROJECT = "mimic-iv-demo/2.2"
NEEDED = [table for table in TABLES if table.part in REQUIRED_PARTS]
STRICT, LAX = (Mimic4DemoParams(verify=verify, url="") for verify in (True, False))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.0)


@pytest.fixture
def demo(tmp_path: Path, make_mimic, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small stand-in for the demo; its checksums are the pinned ones, but for chartevents."""
    folder = tmp_path / "files" / PROJECT
    make_mimic(folder, *REQUIRED_PARTS)
    lines = [f"{sha_of(folder / t.file)}  {t.file}\n" for t in NEEDED]
    (folder / "SHA256SUMS.txt").write_text("".join(lines).replace("  ", " "))
    package = tmp_path / "package"
    package.mkdir()
    pinned = [line for line in lines if "chartevents" not in line]
    (package / "mimic4_demo.sha256").write_text("# a comment\n" + "".join(pinned))
    monkeypatch.setattr(mimic4_demo.resources, "files", lambda name: package)
    return folder


@pytest.fixture
def mirrored(demo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUSEHR_MIRROR", str(demo.parents[1]))
    return demo


@pytest.fixture
def served(web, demo: Path):
    web.files = {
        f"demo/{path.relative_to(demo).as_posix()}": path.read_bytes()
        for path in demo.rglob("*")
        if path.is_file()
    }
    return web


def sha_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_downloads_what_is_needed_and_writes_the_rest_empty(served, demo, tmp_path):
    params = Mimic4DemoParams(verify=True, url=f"{served.url}/demo/")
    entries = mimic4_demo.write(tmp_path / "raw", params)
    assert sorted(entry.name for entry in entries) == sorted(table.file for table in TABLES)
    for table in NEEDED:
        assert (tmp_path / "raw" / table.file).read_bytes() == (demo / table.file).read_bytes()
    for table in (table for table in TABLES if table.part in OPTIONAL_PARTS):
        text = gzip.decompress((tmp_path / "raw" / table.file).read_bytes()).decode()
        assert text == ",".join(table.columns) + "\n"
    asked = [name for name, _ in served.asked]
    assert sorted(asked) == sorted(["demo/SHA256SUMS.txt", *(f"demo/{t.file}" for t in NEEDED)])


def test_second_run_takes_everything_from_the_cache(served, tmp_path):
    params = Mimic4DemoParams(verify=True, url=f"{served.url}/demo")
    first = mimic4_demo.write(tmp_path / "first", params)
    served.asked.clear()
    assert mimic4_demo.write(tmp_path / "second", params) == first
    assert served.asked == []


def test_stage_that_broke_off_resumes_its_download(served, demo, tmp_path, monkeypatch):
    params = Mimic4DemoParams(verify=True, url=f"{served.url}/demo")
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    served.faults["demo/hosp/labevents.csv.gz"] = [50]
    with pytest.raises(InputError, match="labevents"), output_folder(tmp_path / "raw") as folder:
        mimic4_demo.write(folder, params)
    assert not (tmp_path / "raw").exists()
    served.asked.clear()
    mimic4_demo.write(tmp_path / "raw", params)
    assert ("demo/hosp/labevents.csv.gz", "bytes=50-") in served.asked
    assert ("demo/hosp/patients.csv.gz", None) not in served.asked


def test_wrong_checksum_names_file_expected_and_found_and_is_fetched_anew(served, demo, tmp_path):
    params = Mimic4DemoParams(verify=True, url=f"{served.url}/demo")
    name = "demo/hosp/patients.csv.gz"
    right = served.files[name]
    served.files[name] = gzip.compress(gzip.decompress(right) + b"9,9,9,9,9,9\n", mtime=0)
    found = hashlib.sha256(served.files[name]).hexdigest()
    with pytest.raises(InputError) as caught:
        mimic4_demo.write(tmp_path / "raw", params)
    wanted = sha_of(demo / "hosp/patients.csv.gz")
    problem = f"hosp/patients.csv.gz: expected SHA-256 {wanted}, found {found}"
    assert str(caught.value).splitlines()[0] == problem
    served.files[name] = right
    mimic4_demo.write(tmp_path / "raw", params)
    assert (tmp_path / "raw/hosp/patients.csv.gz").read_bytes() == right


def test_page_instead_of_a_file_is_not_kept(served, tmp_path):
    params = Mimic4DemoParams(verify=False, url=f"{served.url}/demo")
    name = "demo/hosp/patients.csv.gz"
    right, served.files[name] = served.files[name], b"<html>maintenance</html>"
    with pytest.raises(InputError, match=r"hosp/patients\.csv\.gz: expected a gzip file"):
        mimic4_demo.write(tmp_path / "raw", params)
    served.files[name] = right
    mimic4_demo.write(tmp_path / "raw", params)
    assert (tmp_path / "raw/hosp/patients.csv.gz").read_bytes() == right


def test_pinned_checksum_outranks_the_list_beside_the_files(mirrored, tmp_path):
    path = mirrored / "hosp/patients.csv.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"9,9,9,9,9,9\n", mtime=0))
    listing = mirrored / "SHA256SUMS.txt"
    others = [line for line in listing.read_text().splitlines() if "patients" not in line]
    listing.write_text("\n".join([*others, f"{sha_of(path)} hosp/patients.csv.gz"]))
    with pytest.raises(InputError, match=r"hosp/patients\.csv\.gz: expected SHA-256"):
        mimic4_demo.write(tmp_path / "raw", STRICT)


def test_file_on_the_server_missing_is_named(served, tmp_path):
    del served.files["demo/icu/d_items.csv.gz"]
    params = Mimic4DemoParams(verify=True, url=f"{served.url}/demo")
    with pytest.raises(
        InputError, match=r"icu/d_items\.csv\.gz: expected the file, found HTTP 404"
    ):
        mimic4_demo.write(tmp_path / "raw", params)


@pytest.mark.parametrize("listing", [None, "<html>maintenance</html>"])
def test_file_without_published_checksum_is_refused(mirrored, tmp_path, listing):
    (mirrored / "SHA256SUMS.txt").unlink()
    if listing:
        (mirrored / "SHA256SUMS.txt").write_text(listing)
    with pytest.raises(InputError) as caught:
        mimic4_demo.write(tmp_path / "raw", STRICT)
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("icu/chartevents.csv.gz: expected a published SHA-256, found none")
    assert "SHA256SUMS.txt" in first
    assert rest == ["to take them as they are, set raw.mimic4_demo.verify to false"]


def test_bad_list_from_the_server_is_fetched_anew(served, tmp_path):
    params = Mimic4DemoParams(verify=True, url=f"{served.url}/demo")
    right = served.files["demo/SHA256SUMS.txt"]
    served.files["demo/SHA256SUMS.txt"] = b"<html>maintenance</html>"
    with pytest.raises(InputError, match=r"none in SHA256SUMS\.txt"):
        mimic4_demo.write(tmp_path / "raw", params)
    served.files["demo/SHA256SUMS.txt"] = right
    served.asked.clear()
    assert len(mimic4_demo.write(tmp_path / "raw", params)) == len(TABLES)
    assert served.asked == [("demo/SHA256SUMS.txt", None)]


def test_without_verify_a_warning_names_the_files_that_differ(mirrored, tmp_path, capsys):
    path = mirrored / "icu/chartevents.csv.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-5], mtime=0))
    mimic4_demo.write(tmp_path / "raw", LAX)
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: icu/chartevents.csv.gz: expected SHA-256 ")
    assert sha_of(path) in warnings[0]


def test_nothing_is_said_where_all_is_as_published(mirrored, tmp_path, capsys):
    mimic4_demo.write(tmp_path / "raw", LAX)
    assert capsys.readouterr().err == ""


def test_file_that_a_mirror_lacks_is_named(mirrored, tmp_path):
    (mirrored / "hosp/admissions.csv.gz").unlink()
    with pytest.raises(InputError, match=r"hosp/admissions\.csv\.gz: .* mirror .*found none"):
        mimic4_demo.write(tmp_path / "raw", STRICT)


def test_mirror_is_only_read(mirrored, tmp_path):
    (mirrored / "icu/icustays.csv.gz").write_bytes(b"not gzip")
    before = {path: path.read_bytes() for path in mirrored.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"icu/icustays\.csv\.gz: expected a gzip file"):
        mimic4_demo.write(tmp_path / "raw", STRICT)
    assert {path: path.read_bytes() for path in mirrored.rglob("*") if path.is_file()} == before


def test_full_disk_leaves_nothing_and_names_the_file(mirrored, tmp_path, monkeypatch):
    copy = shutil.copyfile

    def full_at_labevents(source: Path, target: Path) -> None:
        if target.name == "labevents.csv.gz":
            target.write_bytes(source.read_bytes()[:20])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copy(source, target)

    monkeypatch.setattr(mimic4_demo.shutil, "copyfile", full_at_labevents)
    with pytest.raises(OSError) as caught, output_folder(tmp_path / "out" / "raw") as folder:
        mimic4_demo.write(folder, STRICT)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename.endswith("hosp/labevents.csv.gz")
    assert list((tmp_path / "out").iterdir()) == []


def test_cache_folder_is_the_users_own_unless_the_variable_names_another(monkeypatch):
    monkeypatch.setenv("FUSEHR_CACHE", "/somewhere")
    chosen = physionet.origin(PROJECT, "u")
    assert chosen == physionet.Download("u", Path("/somewhere/physionet") / PROJECT)
    monkeypatch.delenv("FUSEHR_CACHE")
    monkeypatch.setattr(cache_folder, "user_cache_path", lambda name: Path("/home/of") / name)
    chosen = physionet.origin(PROJECT, "u")
    assert chosen == physionet.Download("u", Path("/home/of/fusehr/physionet") / PROJECT)


def test_every_needed_table_but_chartevents_is_pinned():
    text = (Path(mimic4_demo.__file__).parent / "mimic4_demo.sha256").read_text()
    missing = {table.file for table in NEEDED} - physionet.checksums(text).keys()
    assert missing == {"icu/chartevents.csv.gz"}


real = pytest.mark.skipif(
    not (Path(REAL_MIRROR) / PROJECT).is_dir() or not REAL_MIRROR,
    reason=f"real data: set FUSEHR_MIRROR to a folder that holds {PROJECT}",
)


@real
def test_real_files_are_as_pinned_and_have_their_columns(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FUSEHR_MIRROR", REAL_MIRROR)
    entries = mimic4_demo.write(tmp_path / "raw", LAX)
    assert len(entries) == len(TABLES)
    differing = [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert set(differing) <= {"icu/chartevents.csv.gz"}
