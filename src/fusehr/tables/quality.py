"""Dirty is not broken: what was dropped, by table and reason, and where the run must stop."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from fusehr.core.frame.errors import InputError
from fusehr.core.params.tables import TablesParams

DUPLICATE = "duplicate"

# No fault of the file: a row without a value, such as a laboratory result given in words; rows that
# are about something else than is wanted, that another row replaces, or that tell of no change;
# what is told of a patient without a time; words that are no categories.
HARMLESS = frozenset(
    {
        "no_value",
        "missing",
        "no_change",
        "under_age",
        "organ_donor",
        "other_category",
        "rewritten",
        "static",
        "too_many_categories",
    }
)


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
    n = "sum(copies)" if copies else "count(*)"
    found = con.execute(
        f"SELECT reason, count(*), {n}::BIGINT FROM {marked} GROUP BY reason ORDER BY reason"
    ).fetchall()
    total = sum(read for _, _, read in found)
    reasons = {str(reason): int(rows) for reason, rows, _ in found if reason is not None}
    if duplicates := total - sum(rows for _, rows, _ in found):
        reasons[DUPLICATE] = duplicates
    return Dropped(table, total, reasons)


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
    """Raise InputError naming every item and unit where a value's unit is none that is declared."""
    unknown = con.execute(
        "SELECT source, itemid, any_value(variable), unknown_unit, count(*) FROM value_rows "
        "JOIN used_items USING (item) WHERE reason = 'unknown_unit' "
        "GROUP BY source, itemid, unknown_unit ORDER BY ALL"
    ).fetchall()
    lines = []
    for source, itemid, variable, unit, n in unknown:
        known = con.execute(
            "SELECT coalesce(unit, '(none)') FROM items WHERE source = ? AND itemid = ? ORDER BY 1",
            [source, itemid],
        ).fetchall()
        lines.append(
            f"{source}: column valueuom: expected {' or '.join(k[0] for k in known)} for item "
            f"{itemid} ({variable}), found {unit or '(none)'} in {n} rows"
        )
    if lines:
        raise InputError("\n".join(lines) + "; units are declared in items.csv")
