"""A table's file is whole, has its columns, and no message carries a row."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import FileEntry
from fusehr.core.mimic_layout import TABLES, table
from fusehr.raw.table_file import check, write_empty

PATIENTS = table("hosp/patients")
HEADER = b"subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod\n"
ROWS = b"".join(b"%d,F,60,2150,2011 - 2013,\n" % number for number in range(100_000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "patients.csv.gz"


def test_entry_is_size_and_sha256(path):
    packed = gzip.compress(HEADER + ROWS)
    path.write_bytes(packed)
    wanted = FileEntry("hosp/patients.csv.gz", len(packed), hashlib.sha256(packed).hexdigest())
    assert check(path, PATIENTS) == wanted


def test_several_members_and_zeros_at_the_end_are_whole(path):
    path.write_bytes(gzip.compress(HEADER) + gzip.compress(ROWS) + b"\0" * 512)
    assert check(path, PATIENTS).size == path.stat().st_size


def test_highly_packed_file_is_read_to_its_end(path):
    packed = gzip.compress(HEADER + b"0" * 50_000_000)
    path.write_bytes(packed)
    assert check(path, PATIENTS).size == len(packed)
    path.write_bytes(packed[:-1])
    with pytest.raises(InputError, match="truncated"):
        check(path, PATIENTS)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_file_is_named(path, share):
    packed = gzip.compress(HEADER + ROWS)
    path.write_bytes(packed[: int(len(packed) * share)])
    with pytest.raises(InputError, match=r"patients\.csv\.gz: expected a whole gzip.*truncated"):
        check(path, PATIENTS)


def test_second_member_truncated_is_named(path):
    path.write_bytes(gzip.compress(HEADER) + gzip.compress(ROWS)[:-1])
    with pytest.raises(InputError, match="truncated"):
        check(path, PATIENTS)


def test_damaged_byte_is_named(path):
    packed = bytearray(gzip.compress(HEADER + ROWS))
    packed[-6] ^= 1  # in the checksum that closes the stream
    path.write_bytes(bytes(packed))
    with pytest.raises(InputError, match=r"patients\.csv\.gz: expected a gzip file, found"):
        check(path, PATIENTS)


def test_page_of_a_login_is_no_table(path):
    path.write_bytes(b"<html>Please log in</html>")
    with pytest.raises(InputError, match=r"patients\.csv\.gz: expected a gzip file"):
        check(path, PATIENTS)


def test_missing_column_is_named_with_those_found(path):
    path.write_bytes(gzip.compress(HEADER.replace(b"anchor_year,", b"") + ROWS))
    wanted = r"patients\.csv\.gz: column anchor_year: .*found subject_id, gender, anchor_age, .*dod"
    with pytest.raises(InputError, match=wanted) as caught:
        check(path, PATIENTS)
    assert "2150" not in str(caught.value)


def test_file_without_header_shows_no_row(path):
    path.write_bytes(gzip.compress(b"10000032,F,52,2180,2014 - 2016,2180-09-09\n"))
    with pytest.raises(InputError, match="column subject_id") as caught:
        check(path, PATIENTS)
    assert "10000032" not in str(caught.value)


def test_table_without_content_has_no_header(path):
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(InputError, match="column subject_id"):
        check(path, PATIENTS)


@pytest.mark.parametrize(
    "header", [HEADER.upper(), b"\xef\xbb\xbf" + HEADER, HEADER[:-1] + b"\r\n"]
)
def test_case_byte_order_mark_and_line_end_are_no_matter(path, header):
    path.write_bytes(gzip.compress(header + ROWS))
    assert check(path, PATIENTS).size == path.stat().st_size


def test_release_without_provenance_columns_is_whole(path):
    chart = table("icu/chartevents")
    kept = [name for name in chart.columns if name != "caregiver_id"]
    path.write_bytes(gzip.compress((",".join(kept) + "\n").encode()))
    assert check(path, chart).name == "icu/chartevents.csv.gz"


def test_missing_file_is_named(path):
    with pytest.raises(InputError, match=r"patients\.csv\.gz: expected the table hosp/patients"):
        check(path, PATIENTS)


@pytest.mark.parametrize("each", TABLES, ids=lambda each: each.key)
def test_empty_table_has_its_header_and_the_same_bytes_each_time(tmp_path, each):
    first, second = tmp_path / "a" / "first.gz", tmp_path / "b" / "second.gz"
    write_empty(first, each)
    write_empty(second, each)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes()[3:8] == bytes(5)  # RFC 1952: no file name, no time
    assert gzip.decompress(first.read_bytes()).decode() == ",".join(each.columns) + "\n"
    assert check(first, each).size == first.stat().st_size


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk always full")
def test_full_disk_names_the_file(path):
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_empty(path, PATIENTS)
    assert caught.value.filename == str(path)
