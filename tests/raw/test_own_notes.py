"""A user's own notes: what of them data/raw gets, and what is said of a broken file."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.params.raw import NotesFileParams
from fusehr.raw import own_notes

COLUMNS = ["note_id", "patient_id", "hadm_id", "time", "available_time", "kind", "text"]


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Rows of note/own_notes made of a file with this name and content."""
    monkeypatch.chdir(tmp_path)

    def attempt(content: str | bytes, name: str = "notes.csv") -> list[list[str]]:
        data = content.encode() if isinstance(content, str) else content
        Path(name).write_bytes(data)
        (tmp_path / "raw").mkdir(exist_ok=True)
        own_notes.write(tmp_path / "raw", NotesFileParams(path=name, kind="nursing"))
        text = gzip.decompress((tmp_path / "raw/note/own_notes.csv.gz").read_bytes()).decode()
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert header == COLUMNS
        return rows

    return attempt


def test_every_column_of_a_whole_row(bring) -> None:
    header = "patient_id,hadm_id,time,available_time,kind,text,author\n"
    row = '7,70,2150-01-31 08:00,2150-01-31T09:00:30,progress,"Two\nlines, ""quoted"".",me\n'
    assert bring(header + row) == [
        [
            *("own-1", "7", "70", "2150-01-31 08:00:00", "2150-01-31 09:00:30", "progress"),
            'Two\nlines, "quoted".',
        ]
    ]


def test_what_a_row_does_not_tell(bring) -> None:
    rows = bring(
        "Patient_ID,Time,Text\n7,2150-01-31 08:00,One.\n8,2150-01-31,Two.\n9,,Three.\n,,\n"
    )
    assert rows == [
        # readable when it was written
        ["own-1", "7", "", "2150-01-31 08:00:00", "2150-01-31 08:00:00", "nursing", "One."],
        # of a day alone: by the end of it
        ["own-2", "8", "", "2150-01-31 00:00:00", "2150-02-01 00:00:00", "nursing", "Two."],
        ["own-3", "9", "", "", "", "nursing", "Three."],
        ["own-4", "", "", "", "", "nursing", ""],
    ]


def test_packed_and_parquet_files_give_the_same(bring, tmp_path: Path) -> None:
    text = (
        "patient_id,hadm_id,time,text\n7,,2150-01-31 08:00:00,One.\n,70,2150-02-01 09:30:00,Two.\n"
    )
    plain = bring(text)
    assert bring(gzip.compress(text.encode()), "notes.csv.gz") == plain
    frame = pd.DataFrame(
        {
            "patient_id": [7.0, None],  # a frame's way of whole numbers with one missing
            "hadm_id": [None, 70.0],
            "time": [datetime(2150, 1, 31, 8), datetime(2150, 2, 1, 9, 30)],
            "text": ["One.", "Two."],
        }
    )
    frame.to_parquet(tmp_path / "notes.parquet")
    assert bring((tmp_path / "notes.parquet").read_bytes(), "notes.parquet") == plain


def test_a_date_of_a_parquet_file_is_over_at_the_end_of_the_day(bring, tmp_path: Path) -> None:
    frame = pd.DataFrame({"hadm_id": [70], "time": [date(2150, 1, 31)], "text": ["One."]})
    frame.to_parquet(tmp_path / "notes.parquet")
    ((_, _, _, time, available, _, _),) = bring(
        (tmp_path / "notes.parquet").read_bytes(), "notes.parquet"
    )
    assert (time, available) == ("2150-01-31 00:00:00", "2150-02-01 00:00:00")


HEADER = "patient_id,time,text\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("time,text\n2150-01-31,x\n", "column patient_id or hadm_id: expected in the header"),
        ("patient_id,text\n7,x\n", "column time: expected in the header, found patient_id, text"),
        ("7,2150-01-31,secret\n", "found none of the columns"),
        ("patient_id,time,text,Text\n", "column text: expected once, found twice"),
        (HEADER + "7,2150-01-31,x\nseven,2150-01-31,secret\n", "line 3: column patient_id: expect"),
        (HEADER + "7,31/01/2150,secret\n", "line 2: column time: expected a time without zone"),
        (HEADER + "7,2150-01-31 08:00:00Z,secret\n", "line 2: column time: expected a time"),
        (HEADER + '7,2150-01-31,"a\nb"\n7,2150-01-31\n', "line 4: expected 3 columns, found 2"),
        ("patient_id,time,text,kind\n7,2150-01-31,x,Ward note\n", "line 2: column kind: expected"),
        (HEADER + '7,2150-01-31,"secret', "line 2: expected a line of CSV"),
        ((HEADER + "7,2150-01-31,").encode() + b"\xff\n", "expected UTF-8"),
        ("", "column patient_id or hadm_id: expected"),
    ],
)
def test_a_broken_file_is_named_with_line_and_column(bring, content: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        bring(content)
    text = str(caught.value)
    assert text.startswith("notes.csv: ") and message in text
    assert "secret" not in text and "Ward" not in text


def test_a_truncated_file_and_other_kinds_of_files(bring) -> None:
    packed = gzip.compress((HEADER + "7,2150-01-31,One.\n" * 50).encode())
    with pytest.raises(InputError, match=r"notes\.csv\.gz: expected a whole gzip file"):
        bring(packed[:-9], "notes.csv.gz")
    with pytest.raises(InputError, match=r"notes\.parquet: expected a Parquet file"):
        bring("text", "notes.parquet")
    with pytest.raises(InputError, match=r"path: expected a name that ends in .*found notes\.xlsx"):
        bring("text", "notes.xlsx")


def test_a_wrong_value_of_a_parquet_file_names_its_row(bring, tmp_path: Path) -> None:
    frame = pd.DataFrame({"patient_id": [7, 8], "time": ["2150-01-31", "?"], "text": ["a", "b"]})
    frame.to_parquet(tmp_path / "notes.parquet")
    with pytest.raises(InputError, match=r"notes\.parquet: row 2: column time: expected a time"):
        bring((tmp_path / "notes.parquet").read_bytes(), "notes.parquet")


def test_a_missing_file_is_named_by_its_parameter(tmp_path: Path) -> None:
    params = NotesFileParams(path=str(tmp_path / "none.csv"), kind="nursing")
    with pytest.raises(InputError, match=r"raw\.notes_file\.path: expected a file, found .*none"):
        own_notes.write(tmp_path, params)
