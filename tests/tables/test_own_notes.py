"""A user's own notes in the notes table of the example hospital."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.schemas import NOTES, check_parquet
from fusehr.tables.audit import audit
from fusehr.tables.convert import convert

HEADER = "note_id,patient_id,hadm_id,time,available_time,kind,text\n"


@pytest.fixture
def noted(
    tmp_path: Path,
    example: dict[str, str],
    tolerant: Callable[..., Any],
    make_hospital: Callable[..., None],
) -> Callable[..., list[tuple]]:
    """(note_id, patient_id, code, event_time, available_time, visit_id) of the own notes kept."""

    def make(*lines: str, **params: Any) -> list[tuple]:
        tables = example | {"note/own_notes": HEADER + "".join(f"{line}\n" for line in lines)}
        make_hospital(tmp_path / "raw", tables)
        convert(
            tmp_path / "raw", tmp_path / "tables", tmp_path / "metrics.json", tolerant(**params)
        )
        path = tmp_path / "tables/notes.parquet"
        check_parquet(path, NOTES)
        with duckdb.connect() as con:
            return con.execute(
                "SELECT note_id, patient_id, code, event_time, available_time, visit_id "
                f"FROM '{path}' WHERE starts_with(note_id, 'own-') ORDER BY note_id"
            ).fetchall()

    return make


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_visit_is_found_by_patient_and_time_or_by_admission(noted, tmp_path: Path) -> None:
    found = noted(
        "own-1,10000001,,2151-01-02 08:00:00,2151-01-02 09:00:00,consult,One.",
        # after the discharge, but written about that admission
        "own-2,,20000001,2151-01-10 08:00:00,2151-01-10 08:00:00,letter,Two.",
        # between two visits
        "own-3,10000001,,2151-01-10 08:00:00,2151-01-10 08:00:00,letter,Three.",
        # the second of two contiguous admissions, which are one visit
        "own-4,10000001,20000003,2151-01-23 08:00:00,2151-01-23 08:00:00,letter,Four.",
        # readable before it was written: not before
        "own-5,10000001,,2151-01-02 08:00:00,2151-01-01 09:00:00,consult,Five.",
    )
    first, second = at("2151-01-02 08:00"), at("2151-01-10 08:00")
    assert found == [
        ("own-1", 10000001, "consult", first, at("2151-01-02 09:00"), 20000001),
        ("own-2", 10000001, "letter", second, second, 20000001),
        ("own-3", 10000001, "letter", second, second, None),
        (
            *("own-4", 10000001, "letter", at("2151-01-23 08:00"), at("2151-01-23 08:00")),
            20000002,
        ),
        ("own-5", 10000001, "consult", first, first, 20000001),
    ]
    metrics = read_json(tmp_path / "metrics.json")
    assert metrics["notes"]["consult"] == 2 and metrics["notes"]["letter"] == 3
    assert metrics["rows"]["note/own_notes"] == {"read": 5, "kept": 5}
    audit(tmp_path / "tables", threads=1)


BROKEN = (
    "own-1,10000001,,2151-01-02 08:00:00,2151-01-02 09:00:00,consult,One.",
    "own-2,99,,2151-01-02 08:00:00,,consult,Two.",
    "own-3,,99,2151-01-02 08:00:00,,consult,Three.",
    # another patient's admission
    "own-4,10000002,20000001,2151-01-02 08:00:00,,consult,Four.",
    "own-5,10000001,,,,consult,Five.",
    "own-6,10000001,,2151-01-02 08:00:00,,consult, ",
    "own-7,,,2151-01-02 08:00:00,,consult,Seven.",
)


def test_rows_that_belong_to_nobody_are_dropped_and_counted(noted, tmp_path: Path) -> None:
    assert [row[0] for row in noted(*BROKEN)] == ["own-1"]
    assert read_json(tmp_path / "metrics.json")["dropped"]["note/own_notes"] == {
        "unknown_patient": 2,
        "unknown_admission": 2,
        "no_time": 1,
        "no_value": 1,
    }


def test_too_many_of_them_stop_the_run(noted) -> None:
    with pytest.raises(
        InputError, match=r"note/own_notes: .* dropped as unknown_patient .*found 2"
    ):
        noted(*(line for line in BROKEN if line[:5] in ("own-1", "own-2", "own-7")))


def test_without_a_file_nothing_is_said_of_it(noted, tmp_path: Path) -> None:
    assert noted() == []
    assert "note/own_notes" not in read_json(tmp_path / "metrics.json")["rows"]
