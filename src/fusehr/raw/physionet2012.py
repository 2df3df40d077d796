"""PhysioNet/CinC Challenge 2012: the first 48 hours of 4,000 ICU stays a set, open to all.

Silva et al., Computing in Cardiology 2012; https://physionet.org/content/challenge-2012/1.0.0/,
Open Data Commons Attribution Licence 1.0. Sets train or test as a whole.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from fusehr.core.disk import naming
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json
from fusehr.core.mimic_files import FileEntry
from fusehr.core.params.raw import Physionet2012Params
from fusehr.core.physionet2012_files import (
    FOLDER,
    OUTCOME_HEADER,
    RECORD_HEADER,
    SETS_FILE,
    Record,
    outcomes_file,
    read_records,
    records_file,
)
from fusehr.raw.manifest import entries_of
from fusehr.raw.physionet import Origin, origin

PROJECT = "challenge-2012/1.0.0"

_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
# an empty name or value is dirt that the stage `tables` counts; another form is a broken file
_LINE = re.compile(rf"\d{{1,3}}:[0-5]\d,[^,\r\n]*,(?:{_NUMBER})?")
_LINES = re.compile(rf"(?:{_LINE.pattern}\n)*+")
Check = Callable[[Path, str], set[int]]

_INTEGER = re.compile(r"-?\d+")


def write(folder: Path, params: Physionet2012Params) -> list[FileEntry]:
    """Bring the sets into `folder`/challenge-2012, checked; an entry for each file there.

    Raises InputError naming file, line and column where a file is broken, and the record where a
    set's records and outcomes are not the same, or two sets share one.
    """
    source = origin(PROJECT, params.url)
    target = folder / FOLDER
    target.mkdir(parents=True)
    owner: dict[int, str] = {}
    write_json(target / SETS_FILE, {"train": sorted(params.train), "test": sorted(params.test)})
    for set_name in sorted({*params.train, *params.test}):
        records, outcomes = records_file(set_name), outcomes_file(set_name)
        of_set = _bring(source, records, target, check_records)
        known = _bring(source, outcomes, target, check_outcomes)
        _expect_same(records, of_set, outcomes, known)
        for record_id in of_set:
            if owner.setdefault(record_id, records) != records:
                raise InputError(
                    f"{records}: record {record_id}: expected in one set, "
                    f"found in {owner[record_id]} too"
                )
    return entries_of(folder)


def _bring(source: Origin, name: str, target: Path, check: Check) -> set[int]:
    path = target / name
    origin_file = source.file(name)
    with naming(path):
        shutil.copyfile(origin_file, path)
    try:
        return check(path, name)
    except InputError:
        source.refuse(name)
        raise


def check_records(path: Path, shown: str) -> set[int]:
    """Numbers of the records in the archive at `path`, once all of them proved whole."""
    found: set[int] = set()
    for record in read_records(path, shown):
        if record.record_id in found:
            raise InputError(f"{record.shown}: expected each record once, found it twice")
        found.add(record.record_id)
        _check_record(record)
    if not found:
        raise InputError(f"{shown}: expected records (<RecordID>.txt), found none")
    return found


def _check_record(record: Record) -> None:
    header, _, body = record.text.replace("\r\n", "\n").partition("\n")
    if header != RECORD_HEADER:
        raise InputError(
            f"{record.shown}: line 1: expected {RECORD_HEADER}, found another first line"
        )
    if body and not body.endswith("\n"):
        body += "\n"
    if _LINES.fullmatch(body):
        return
    number, line = next(
        (number, line)
        for number, line in enumerate(body.split("\n"), start=2)
        if not _LINE.fullmatch(line)
    )
    fields = line.split(",")
    if len(fields) != 3:
        problem = f"expected three fields ({RECORD_HEADER}), found {len(fields)}"
    elif not re.fullmatch(r"\d{1,3}:[0-5]\d", fields[0]):
        problem = "column Time: expected hours and minutes as HH:MM, found something else"
    else:
        problem = "column Value: expected a number, found something else"
    raise InputError(f"{record.shown}: line {number}: {problem}")


def check_outcomes(path: Path, shown: str) -> set[int]:
    """Numbers of the records that the table of outcomes at `path` has, each on one line."""
    columns = OUTCOME_HEADER.split(",")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except UnicodeDecodeError:
        raise InputError(f"{shown}: expected a text file, found something else") from None
    header = [name.strip() for name in rows[0]] if rows else []
    if missing := [name for name in columns if name not in header]:
        raise InputError(
            f"{shown}: line 1: column {', '.join(missing)}: expected in the header, found "
            f"{len(header)} other names"
        )
    found: set[int] = set()
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise InputError(
                f"{shown}: line {number}: expected {len(header)} fields, found {len(row)}"
            )
        values = dict(zip(header, (value.strip() for value in row), strict=True))
        for name in columns:
            if not _INTEGER.fullmatch(values[name]):
                raise InputError(
                    f"{shown}: line {number}: column {name}: expected a whole number, "
                    "found something else"
                )
        if values["In-hospital_death"] not in ("0", "1"):
            raise InputError(
                f"{shown}: line {number}: column In-hospital_death: expected 0 or 1, "
                "found another number"
            )
        record_id = int(values["RecordID"])
        if record_id in found:
            raise InputError(
                f"{shown}: line {number}: column RecordID: expected each record once, "
                f"found {record_id} twice"
            )
        found.add(record_id)
    return found


def _expect_same(records: str, of_set: set[int], outcomes: str, known: set[int]) -> None:
    for name, lacking in ((outcomes, of_set - known), (records, known - of_set)):
        if lacking:
            raise InputError(
                f"{name}: expected record {min(lacking)}, found none ({len(lacking)} are missing)"
            )
