"""Which notes of a source a stage leaves out, as it is not told to read their kind."""

from __future__ import annotations

from collections.abc import Collection

import duckdb


def left_out(con: duckdb.DuckDBPyConnection, kinds: Collection[str]) -> str:
    """Kinds of notes that are not among `kinds`, with their numbers: `discharge (12), nursing (3)`.

    con: with `notes` and `seen` (note_id), the notes that some sample may see. Empty where every
    one is of `kinds`.
    """
    rows = con.execute(
        """
        SELECT code, count(*) FROM notes
        WHERE note_id IN (FROM seen) AND NOT list_contains($kinds, code)
        GROUP BY code
        ORDER BY code
        """,
        {"kinds": sorted(kinds)},
    ).fetchall()
    return ", ".join(f"{kind} ({count})" for kind, count in rows)
