"""metrics/tables.json: how much there is, what was dropped and why, how frequent each label is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from fusehr.core.frame.tasks import POSITIVE, Task
from fusehr.tables.quality import Dropped


def table_metrics(
    con: duckdb.DuckDBPyConnection,
    counted: Mapping[str, str],
    tasks: tuple[Task, ...],
    dropped: list[Dropped],
    *,
    hide_below: int,
) -> dict[str, Any]:
    """Diffable numbers; counts from 1 to `hide_below` - 1 become "<hide_below" (0: none do)."""
    found: dict[str, Any] = {
        "source": {name: _count(con, relation) for name, relation in counted.items()},
        "kept": {
            "visits": _count(con, "visits"),
            "icu_stays": _count(con, "stay_times"),
            "ed_stays": _count(con, "ed_times"),
            "events": _count(con, "dynamic"),
            "notes": _count(con, "notes"),
            "images": _count(con, "images"),
            "image_pool": _count(con, "image_pool"),
            "drug_orders": _count(con, "drugs"),
        },
        "rows": {part.table: {"read": part.rows, "kept": part.kept} for part in dropped},
        "dropped": {part.table: part.reasons for part in dropped if part.reasons},
        "availability": {
            str(kind): int(n)
            for kind, n in con.execute(
                "SELECT availability, count(*) FROM dynamic GROUP BY 1 ORDER BY 1"
            ).fetchall()
        },
        "notes": {
            str(kind): int(n)
            for kind, n in con.execute(
                "SELECT code, count(*) FROM notes GROUP BY 1 ORDER BY 1"
            ).fetchall()
        },
        "tasks": {task: _task(con, task, hide_below) for task in tasks},
    }
    return _hide(found, hide_below)


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = con.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(row[0]) if row else 0


def _task(con: duckdb.DuckDBPyConnection, task: str, hide_below: int) -> dict[str, Any]:
    rows = con.execute(
        "SELECT fold, class, count(*), count(DISTINCT label.patient_id), sum(label_value)::BIGINT "
        "FROM label JOIN splits USING (patient_id) WHERE task = ? GROUP BY fold, class "
        "ORDER BY fold, class",
        [task],
    ).fetchall()
    folds: dict[str, Any] = {}
    for fold, name, samples, patients, positive in rows:
        part = folds.setdefault(fold, {"samples": samples, "patients": patients})
        # a share would give a hidden count away
        hidden = 0 < positive < hide_below
        prevalence = "hidden" if hidden else round(positive / samples, 4)
        if name == POSITIVE:
            part |= {"positive": positive, "prevalence": prevalence}
        else:
            part.setdefault("prevalence", {})[name] = prevalence
    samples = con.execute(
        "SELECT count(*), count(DISTINCT patient_id) FROM kept_samples WHERE task = ?", [task]
    ).fetchone() or (0, 0)
    return {"samples": samples[0], "patients": samples[1], "folds": folds}


def _hide(found: Any, below: int) -> Any:
    if isinstance(found, dict):
        return {key: _hide(value, below) for key, value in found.items()}
    if isinstance(found, int) and 0 < found < below:
        return f"<{below}"
    return found
