"""Texts to predict from, read one after the other from a JSONL or CSV file."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import TASKS, Task
from fusehr.core.instructions import iter_jsonl, question

TEXT_COLUMNS = ("input", "text")
CARRIED = ("sample_id", "patient_id")
JSONL = (".jsonl", ".json")  # the published files are JSONL named .json


@dataclass(frozen=True)
class Texts:
    """A file's texts. carried: the columns that `values` of each text belong to."""

    path: Path
    carried: tuple[str, ...]
    rows: Iterator[Text]


@dataclass(frozen=True)
class Text:
    """number: its row or line, from 1."""

    number: int
    text: str
    values: tuple[str, ...] = ()


def open_texts(path: Path, task: Task) -> Texts:
    """Texts of `path`, a JSONL of instructions or a CSV with a column `input` or `text`.

    Raises InputError, at once or as rows are read, where the file is neither, a row breaks off or
    has no text, or a line asks for another task than `task`.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a file, found none")
    if path.suffix.lower() == ".csv":
        return _of_csv(path)
    if path.suffix.lower() in JSONL:
        return Texts(path, (), _of_jsonl(path, task))
    raise InputError(
        f"{path}: expected a name that ends in .csv, {', '.join(JSONL)}, found {path.suffix!r}"
    )


def _of_jsonl(path: Path, task: Task) -> Iterator[Text]:
    others = {question(other): other for other in TASKS if other != task}
    for number, row in enumerate(iter_jsonl(path), 1):
        if other := others.get(row.instruction):
            raise InputError(
                f"{path}: line {number}: key instruction: expected that of {task}, "
                f"found that of {other}; choose it by --task"
            )
        yield Text(number, _checked(row.input, f"{path}: line {number}: key input"))


def _of_csv(path: Path) -> Texts:
    rows = csv_rows(path)
    header = next(rows, None)
    if not header:
        raise InputError(f"{path}: expected a line of column names, found an empty file")
    found = [name for name in TEXT_COLUMNS if name in header]
    if len(found) != 1:
        raise InputError(
            f"{path}: expected one column of {' and '.join(TEXT_COLUMNS)}, "
            f"found {' and '.join(found) or ', '.join(header)}"
        )
    for name in (*found, *CARRIED):
        if header.count(name) > 1:
            raise InputError(f"{path}: column {name}: expected once, found {header.count(name)}")
    carried = tuple(name for name in CARRIED if name in header)
    return Texts(path, carried, _of_rows(path, rows, header, found[0], carried))


def _of_rows(
    path: Path,
    rows: Iterator[list[str]],
    header: list[str],
    column: str,
    carried: tuple[str, ...],
) -> Iterator[Text]:
    place, kept = header.index(column), [header.index(name) for name in carried]
    for number, row in enumerate((row for row in rows if row), 1):
        if len(row) != len(header):
            raise InputError(
                f"{path}: row {number}: expected {len(header)} fields, found {len(row)}"
            )
        text = _checked(row[place], f"{path}: row {number}: column {column}")
        yield Text(number, text, tuple(row[k] for k in kept))


def csv_rows(path: Path) -> Iterator[list[str]]:
    """Rows of a CSV file, its header first; InputError, naming the line, where it is none."""
    # a text may be longer than the module's usual limit; the highest that C's long has everywhere
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    if not path.is_file():
        raise InputError(f"{path}: expected a file, found none")
    # spreadsheets begin a file with a byte order mark
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            yield from rows
        except csv.Error as error:
            raise InputError(f"{path}: line {rows.line_num}: not valid CSV: {error}") from None
        except UnicodeDecodeError:
            raise InputError(f"{path}: not valid UTF-8 after line {rows.line_num}") from None


def _checked(text: str, where: str) -> str:
    if not text.strip():
        raise InputError(f"{where}: expected a text, found an empty one")
    return text
