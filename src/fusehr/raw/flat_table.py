"""Read a flat table: the cells as text, a column each, a row each, as .csv or .xlsx has them."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from fusehr.core.frame.errors import InputError

ENDINGS = (".csv", ".xlsx")
FIRST_ROW = 2  # of the data, as a spreadsheet numbers rows


def read_table(path: Path, shown: str) -> pd.DataFrame:
    """The first sheet's (or the file's) cells as text, null where empty, by row in the file.

    Columns are the first row's. Raises InputError where the file cannot be read, a column has no
    name or another's, or there is no row.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{shown}: expected a file that ends in {' or '.join(ENDINGS)}")
    frame = _read_csv(path, shown) if path.suffix.lower() == ".csv" else _read_xlsx(path, shown)
    names = frame.columns
    if unnamed := [place for place, name in enumerate(names, start=1) if not name]:
        raise InputError(f"{shown}: column {unnamed[0]}: expected a name in row 1, found none")
    if names.has_duplicates:
        twice = names[names.duplicated()][0]
        raise InputError(f"{shown}: column {twice}: expected one of that name, found several")
    frame.index = pd.RangeIndex(FIRST_ROW, FIRST_ROW + len(frame))
    frame = frame.dropna(how="all")
    if frame.empty:
        raise InputError(f"{shown}: expected rows below the first, found none")
    return frame


def _read_csv(path: Path, shown: str) -> pd.DataFrame:
    try:
        cells = pd.read_csv(
            path,
            header=None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            encoding="utf-8-sig",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        reason = type(error).__name__
        raise InputError(
            f"{shown}: expected a CSV file in UTF-8, as many fields a row as names, found {reason}"
        ) from None
    cells = cells.fillna("").map(str.strip)
    return _named(cells.iloc[0].tolist(), cells.iloc[1:].to_numpy().tolist())


def _read_xlsx(path: Path, shown: str) -> pd.DataFrame:
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError):
        raise InputError(f"{shown}: expected an Excel workbook, found something else") from None
    try:
        rows = _sheet_rows(book)
        names = next(rows, [])
        return _named(names, [[*row, *[""] * (len(names) - len(row))] for row in rows])
    finally:
        book.close()


def _sheet_rows(book: Any) -> Iterator[list[str]]:
    for row in book.worksheets[0].iter_rows(values_only=True):
        yield [_text(cell) for cell in row]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime | datetime.date):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime.datetime) else cell.isoformat()
    return str(cell).strip()


def _named(names: list[str], rows: list[list[str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=pd.Index(names), dtype=object)
    return frame.mask(frame == "", None)
