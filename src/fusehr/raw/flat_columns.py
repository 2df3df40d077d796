"""Columns of a flat table as what they are: numbers, categories, or neither."""

from __future__ import annotations

import numpy as np
import pandas as pd

NOT_A_NUMBER, NO_VALUE, MANY = "not_a_number", "no_value", "too_many_categories"


def cells_of(code: str, column: pd.Series, *, most_categories: int) -> pd.DataFrame:
    """Columns row, code, value, reason; `column` holds text, null where the cell is empty, by row.

    Most cells are numbers: a value each, and what is none is dropped as not_a_number. Else words: a
    value of 0 or 1 for each of them, with the code `column=word`, where there are at most
    `most_categories`; else every cell is dropped as too_many_categories. Empty cells are dropped as
    no_value.
    """
    given = column.dropna()
    number = pd.to_numeric(given, errors="coerce")
    number = number.where(np.isfinite(number))
    empty = _frame(column.index[column.isna()], code, np.nan, NO_VALUE)
    if number.notna().sum() * 2 > len(given):
        values = _frame(given.index, code, number, None)
        values.loc[number.isna().to_numpy(), "reason"] = NOT_A_NUMBER
        return pd.concat([values, empty], ignore_index=True)
    words = sorted(given.unique())
    if len(words) > most_categories:
        values = _frame(given.index, code, np.nan, MANY)
        return pd.concat([values, empty], ignore_index=True)
    flags = [_frame(given.index, f"{code}={word}", (given == word) * 1.0, None) for word in words]
    return pd.concat([*flags, empty], ignore_index=True)


def _frame(
    rows: pd.Index, code: str, values: pd.Series | float, reason: str | None
) -> pd.DataFrame:
    given = values.to_numpy(dtype=float) if isinstance(values, pd.Series) else values
    frame = pd.DataFrame({"row": rows, "code": code, "value": given})
    return frame.assign(reason=pd.Series([reason] * len(rows), dtype=object))
