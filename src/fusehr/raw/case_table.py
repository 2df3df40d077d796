"""A table with a row a case: what its columns say of patients and times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from fusehr.core.frame.errors import InputError

# Of rows without a time: a fictitious one.
DAY = pd.Timestamp("2000-01-01")


@dataclass(frozen=True)
class CaseTable:
    """Cells as text, null where empty, by row in the file (see flat_table.read_table).

    shown, block: how messages name the file and the block of params.yaml that names its columns.
    """

    cells: pd.DataFrame
    shown: str
    block: str

    def expect_columns(self, named: Mapping[str, str | None]) -> None:
        """InputError where a parameter names a column that there is not; null ones name none."""
        for name, column in named.items():
            if column is not None and column not in self.cells.columns:
                raise InputError(
                    f"params.yaml: {self.block}.{name}: expected a column of {self.shown}, one of "
                    f"{', '.join(self.cells.columns)}; found {column}"
                )

    def given(self, name: str, column: str) -> pd.Series:
        """`column`, which the parameter `name` names; InputError where a row has none of it."""
        values = self.cells[column]
        empty = values.index[values.isna()]
        if len(empty):
            raise InputError(
                f"{self.shown}: column {column} ({self.block}.{name}): expected a value in every "
                f"row, found {len(empty)} without, the first {empty[0]}"
            )
        return values

    def patients(self, column: str | None) -> pd.Series:
        """Its numbers; where it has other ids, their place in order; else the row's number."""
        if column is None:
            return pd.Series(self.cells.index, index=self.cells.index)
        ids = self.given("id", column)
        if ids.str.fullmatch(r"\d{1,18}").all():
            return ids.astype("int64")
        return ids.rank(method="dense").astype("int64")

    def times(self, column: str) -> pd.Series:
        """Times of all rows; InputError where one is none."""
        text = self.given("time", column)
        times = pd.to_datetime(text, format="ISO8601", errors="coerce")
        wrong = times.index[times.isna()]
        if len(wrong):
            raise InputError(
                f"{self.shown}: column {column}: expected a time such as 2020-01-31 08:00, found "
                f"something else in {len(wrong)} rows, the first {wrong[0]}"
            )
        return times

    def ages(self, column: str | None) -> pd.Series:
        """Numbers, not a number where the cell is none."""
        if column is None:
            return pd.Series(float("nan"), index=self.cells.index)
        return pd.to_numeric(self.cells[column], errors="coerce").astype(float)

    def texts(self, column: str | None) -> pd.Series:
        """The cells, null where there is no such column."""
        if column is None:
            return pd.Series(None, index=self.cells.index, dtype=object)
        return self.cells[column]


def days(patients: pd.Series) -> pd.Series:
    """A day for each row of a patient, one after the other, where rows have no times."""
    return DAY + pd.to_timedelta(patients.groupby(patients).cumcount(), unit="D")
