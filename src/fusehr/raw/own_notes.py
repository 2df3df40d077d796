"""Bring a user's own notes into data/raw, whatever the source beside them.

A CSV file, packed or not, or a Parquet file with a row for each note and the columns

- `patient_id` or `hadm_id`, the admission, or both;
- `time`, when the note is about, such as 2150-01-31 08:00 (a date alone will do);
- `text`;
- optional `kind`, such as nursing: else that of raw.notes_file.kind;
- optional `available_time`, when it could be read: else `time`, or the end of the day where `time`
  is a date alone.

Every other column is left where it is.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fusehr.core.disk import naming
from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import FileEntry
from fusehr.core.mimic_layout import table
from fusehr.core.params.raw import KIND, NotesFileParams
from fusehr.raw.table_file import check, packed

TABLE = table("note/own_notes")
IDS = ("patient_id", "hadm_id")
REQUIRED = ("time", "text")
COLUMNS = (*IDS, *REQUIRED, "kind", "available_time")
LONGEST_NOTE = 1 << 24  # characters
A_TIME = "a time without zone, such as 2150-01-31 08:00:00"


def write(folder: Path, params: NotesFileParams) -> FileEntry:
    """Write the notes to `folder` as the table note/own_notes, in the order of the file.

    A note's id is its place in the file. Ids and times may be missing, as rows without them are
    dropped and counted with all others that break a rule. Raises InputError naming the file, line
    and column where the file is missing or no such file, a column is missing, or a value has
    another type than its column.
    """
    source, target = Path(params.path), folder / TABLE.file
    if not source.is_file():
        raise InputError(f"params.yaml: raw.notes_file.path: expected a file, found {params.path}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with naming(target), packed(target) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(TABLE.columns)
        for number, (where, row) in enumerate(_rows(source), start=1):
            writer.writerow([f"own-{number}", *_note(where, row, params.kind)])
    return check(target, TABLE, shown=TABLE.file)


def _note(where: str, row: Mapping[str, Any], kind: str) -> list[str]:
    """patient_id, hadm_id, time, available_time, kind, text of a row."""
    ids = [_whole_number(where, name, row.get(name)) for name in IDS]
    time, end = _time(where, "time", row.get("time"))
    _, available = _time(where, "available_time", row.get("available_time"))
    own_kind = str(row.get("kind") or "").strip() or kind
    if not re.match(KIND, own_kind):
        raise InputError(
            f"{where}: column kind: expected a name of small letters, digits and _, "
            "found something else"
        )
    text = row.get("text")
    if text is not None and (not isinstance(text, str) or "\0" in text):
        raise InputError(f"{where}: column text: expected text, found something else")
    return [*ids, time, available or end, own_kind, text or ""]


def _whole_number(where: str, name: str, value: Any) -> str:
    """An id as text; '' for none. Frames with a missing id write the others as 123.0."""
    text = "" if value is None or value != value else str(value).strip()
    found = re.fullmatch(r"(\d*)(\.0*)?", text)
    if found is None:
        raise InputError(f"{where}: column {name}: expected a whole number, found something else")
    return found[1]


def _time(where: str, name: str, value: Any) -> tuple[str, str]:
    """A time, and when it was over: itself, or the end of the day where it is a date alone."""
    text = value.strip() if isinstance(value, str) else value
    if text is None or text == "":
        return "", ""
    try:
        if isinstance(text, str):
            whole_day = len(text) <= len("2150-01-31")
            text = date.fromisoformat(text) if whole_day else datetime.fromisoformat(text)
    except ValueError:
        text = None
    if isinstance(text, datetime) and text.tzinfo is None:
        return text.isoformat(sep=" "), text.isoformat(sep=" ")
    if isinstance(text, date) and not isinstance(text, datetime):
        start = datetime(text.year, text.month, text.day)
        return start.isoformat(sep=" "), (start + timedelta(days=1)).isoformat(sep=" ")
    raise InputError(f"{where}: column {name}: expected {A_TIME}, found something else")


def _rows(source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each row stands, for messages, and its values by column."""
    if source.suffix == ".parquet":
        return _parquet_rows(source)
    if source.name.endswith((".csv", ".csv.gz")):
        return _csv_rows(source)
    raise InputError(
        f"params.yaml: raw.notes_file.path: expected a name that ends in .csv, .csv.gz or "
        f".parquet, found {source.name}"
    )


def _csv_rows(source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    csv.field_size_limit(LONGEST_NOTE)
    opened = gzip.open if source.suffix == ".gz" else open
    line = 1
    try:
        with opened(source, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip().lower() for name in next(reader, [])]
            _check_header(source, header)
            line = reader.line_num + 1
            for row in reader:
                where, line = f"{source}: line {line}", reader.line_num + 1
                if row and len(row) != len(header):
                    raise InputError(f"{where}: expected {len(header)} columns, found {len(row)}")
                if row:
                    yield where, dict(zip(header, row, strict=True))
    except UnicodeDecodeError:
        raise InputError(f"{source}: line {line}: expected UTF-8, found other bytes") from None
    except csv.Error:
        raise InputError(
            f"{source}: line {line}: expected a line of CSV, found something else"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(
            f"{source}: expected a whole gzip file, found a broken or truncated one"
        ) from None


def _parquet_rows(source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        file = pq.ParquetFile(source)
    except pa.ArrowInvalid:
        raise InputError(f"{source}: expected a Parquet file, found something else") from None
    names = {name.strip().lower(): name for name in file.schema_arrow.names}
    _check_header(source, list(names))
    used = {name: names[name] for name in COLUMNS if name in names}
    number = 0
    with file:
        for batch in file.iter_batches(columns=list(used.values())):
            columns = {name: batch.column(given).to_pylist() for name, given in used.items()}
            for place in range(batch.num_rows):
                number += 1
                yield (
                    f"{source}: row {number}",
                    {name: values[place] for name, values in columns.items()},
                )


def _check_header(source: Path, header: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if not any(name in header for name in IDS):
        missing.insert(0, " or ".join(IDS))
    if missing:
        # a file without a header must not show its first note in a message
        known = [name for name in header if name in COLUMNS]
        raise InputError(
            f"{source}: column {missing[0]}: expected in the header, "
            f"found {', '.join(known) or 'none of the columns'}"
        )
    if twice := [name for name in COLUMNS if list(header).count(name) > 1]:
        raise InputError(f"{source}: column {twice[0]}: expected once, found twice")
