"""Dirty is not broken: what was dropped, by table and reason, and where the run must stop."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from fusehr.core.frame.errors import InputError
from fusehr.core.params.tables import TablesParams

DUPLICATE = "duplicate"

# No fault of the file: a row without a value, such as a laboratory result given in words; a support
# that is charted again while it runs; what is told of a patient without a time; words that are no
# categories.
HARMLESS = frozenset({"no_value", "missing", "no_change", "static", "too_many_categories"})


@dataclass(frozen=True)
class Dropped:
    """Rows of one table: how many there were, and how many were dropped for each reason."""

    table: str
    rows: int
    reasons: dict[str, int]

    @property
    def kept(self) -> int:
        """Rows that no reason dropped."""
        return self.rows - sum(self.reasons.values())


def count_dropped(
    con: duckdb.DuckDBPyConnection, table: str, marked: str, *, copies: bool = False
) -> Dropped:
    """Count the rows of the relation `marked` (SQL) by its column `reason`.

    With `copies`, a row stands for that many identical ones, of which all but one are duplicates.
    """
    n, extra = ("sum(copies)", "sum(copies) - count(*)") if copies else ("count(*)", "0")
    total = con.execute(f"SELECT coalesce({n}, 0)::BIGINT FROM {marked}").fetchone() or (0,)
    duplicates = con.execute(f"SELECT coalesce({extra}, 0)::BIGINT FROM {marked}").fetchone()
    rows = con.execute(
        f"SELECT reason, count(*) FROM {marked} WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    reasons = {str(reason): int(n) for reason, n in rows}
    if duplicates and duplicates[0]:
        reasons[DUPLICATE] = int(duplicates[0])
    return Dropped(table, int(total[0]), reasons)


def stop_if_broken(dropped: Dropped, params: TablesParams) -> None:
    """Raise InputError where one reason drops more of a table than the declared share."""
    for reason, n in dropped.reasons.items():
        if reason in HARMLESS or not n:
            continue
        name = "max_duplicate_share" if reason == DUPLICATE else "max_dirty_share"
        allowed: float = getattr(params, name)
        if n > allowed * dropped.rows:
            raise InputError(
                f"{dropped.table}: expected at most {allowed:.1%} of {dropped.rows} rows to be "
                f"dropped as {reason} (tables.{name}), found {n} ({n / dropped.rows:.1%})"
            )


def stop_at_unknown_units(con: duckdb.DuckDBPyConnection) -> None:
    """Raise InputError naming item and unit where a value's unit is none that is declared."""
    found = con.execute(
        "SELECT source, itemid, any_value(variable), unit, count(*) FROM value_rows "
        "WHERE reason = 'unknown_unit' GROUP BY source, itemid, unit ORDER BY ALL LIMIT 1"
    ).fetchone()
    if found is None:
        return
    source, itemid, variable, unit, n = found
    known = con.execute(
        "SELECT coalesce(unit, '(none)') FROM items WHERE source = ? AND itemid = ? ORDER BY 1",
        [source, itemid],
    ).fetchall()
    raise InputError(
        f"{source}: column valueuom: expected {' or '.join(k[0] for k in known)} for item {itemid} "
        f"({variable}), found {unit or '(none)'} in {n} rows; units are declared in items.csv"
    )
