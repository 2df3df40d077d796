"""Downloads against a real server that breaks off, fails, or knows no ranges."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fusehr.core import download
from fusehr.core.download import fetch
from fusehr.core.frame.errors import InputError

CONTENT = random.Random(3).randbytes(3_000_000)  # longer than one block


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.0)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "file.gz"


def part_of(target: Path) -> Path:
    return target.with_name("file.gz.part")


def test_whole_file_in_one_request(web, target):
    web.files["file.gz"] = CONTENT
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert web.asked == [("file.gz", None)]
    assert not part_of(target).exists()


def test_broken_connection_resumes_at_the_byte_where_it_stopped(web, target):
    web.files["file.gz"] = CONTENT
    web.faults["file.gz"] = [1_234_567, 1_000_001]
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in web.asked] == [None, "bytes=1234567-", "bytes=2234568-"]


def test_line_that_breaks_often_but_gets_further_is_no_failure(web, target):
    web.files["file.gz"] = CONTENT
    web.faults["file.gz"] = [100_000] * (2 * download.ATTEMPTS)
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert len(web.asked) == 2 * download.ATTEMPTS + 1


def test_killed_run_is_resumed_by_the_next(web, target):
    web.files["file.gz"] = CONTENT
    part_of(target).parent.mkdir()
    part_of(target).write_bytes(CONTENT[:2_000_000])
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert web.asked == [("file.gz", "bytes=2000000-")]


def test_server_without_ranges_sends_all_again(web, target):
    web.files["file.gz"] = CONTENT
    web.ranges = False
    web.faults["file.gz"] = [1_000_000]
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in web.asked] == [None, "bytes=1000000-"]


def test_range_that_was_not_asked_for_is_not_appended(web, target):
    web.files["file.gz"] = CONTENT
    web.faults["file.gz"] = [1_000_000]
    web.wrong_ranges = 1
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in web.asked] == [None, "bytes=1000000-", None]


def test_complete_part_is_taken_over(web, target):
    web.files["file.gz"] = CONTENT
    part_of(target).parent.mkdir()
    part_of(target).write_bytes(CONTENT)
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert len(web.asked) == 1


def test_part_longer_than_the_file_is_thrown_away(web, target):
    web.files["file.gz"] = CONTENT
    part_of(target).parent.mkdir()
    part_of(target).write_bytes(CONTENT + b"more")
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in web.asked] == ["bytes=3000004-", None]


def test_faults_that_pass_are_tried_again(web, target):
    web.files["file.gz"] = CONTENT
    web.faults["file.gz"] = [500, 503, 429]
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == CONTENT
    assert len(web.asked) == 4


def test_attempts_end_and_the_message_says_what_is_kept(web, target):
    web.files["file.gz"] = CONTENT
    web.faults["file.gz"] = [1_000_000] + [500] * 100
    with pytest.raises(InputError, match=r"file\.gz.*HTTP 500.*1000000 bytes are kept"):
        fetch(f"{web.url}/file.gz", target)
    assert len(web.asked) == download.ATTEMPTS  # the first got further, none after it did
    assert part_of(target).read_bytes() == CONTENT[:1_000_000]
    assert not target.exists()


def test_missing_file_is_not_tried_again(web, target):
    with pytest.raises(InputError, match=r"/file\.gz: expected the file, found HTTP 404"):
        fetch(f"{web.url}/file.gz", target)
    assert len(web.asked) == 1


def test_no_server_ends_in_a_message(web, target):
    web.server.server_close()
    with pytest.raises(InputError, match="expected the whole file, found ConnectionError"):
        fetch("http://127.0.0.1:9/file.gz", target)


def test_two_runs_at_once_download_once(web, target):
    web.files["file.gz"] = CONTENT
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch(f"{web.url}/file.gz", target), range(4)))
    assert target.read_bytes() == CONTENT
    assert len(web.asked) == 1


def test_file_that_is_there_is_not_asked_for(web, target):
    target.parent.mkdir()
    target.write_bytes(b"kept")
    fetch(f"{web.url}/file.gz", target)
    assert target.read_bytes() == b"kept"
    assert web.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk always full")
def test_full_disk_names_the_file_and_is_not_tried_again(web, target):
    web.files["file.gz"] = CONTENT
    part_of(target).parent.mkdir()
    part_of(target).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        fetch(f"{web.url}/file.gz", target)
    assert caught.value.filename == str(part_of(target))
    assert len(web.asked) == 1
