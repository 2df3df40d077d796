"""The cohort in numbers: what two groups compare to know that they have the same one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb

from fusehr.core.frame.files import sha256_of
from fusehr.core.frame.tasks import Task


def cohort_manifest(
    con: duckdb.DuckDBPyConnection, folder: Path, tasks: tuple[Task, ...]
) -> dict[str, Any]:
    """Count after each exclusion, hash of the sorted sample ids by task and fold, of each table."""
    tables = sorted([*folder.glob("*.parquet"), *folder.glob("*.npy")])
    return {
        "exclusions": {task: _exclusions(con, task) for task in tasks},
        "competing_events": {"readmission_died_without": _competing(con)},
        "sample_ids_sha256": _sample_hashes(con),
        "tables_sha256": {path.name: sha256_of(path) for path in tables},
    }


def _exclusions(con: duckdb.DuckDBPyConnection, task: str) -> list[dict[str, Any]]:
    """Candidates, then what is left after each reason to leave one out, in order of size."""
    left_out = con.execute(
        "SELECT left_out, count(*) AS n FROM candidates WHERE left_out IS NOT NULL AND task = ? "
        "GROUP BY left_out ORDER BY n DESC, left_out",
        [task],
    ).fetchall()
    counted = con.execute("SELECT count(*) FROM candidates WHERE task = ?", [task]).fetchone()
    (total,) = counted or (0,)
    steps: list[dict[str, Any]] = [{"step": "candidates", "left": total}]
    for reason, n in left_out:
        total -= n
        steps.append({"step": f"without {reason}", "left_out": n, "left": total})
    return steps


def _competing(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute(
        "SELECT count(*) FROM candidates WHERE left_out IS NULL AND competing"
    ).fetchone()
    return int(row[0]) if row else 0


def _sample_hashes(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    hashes: dict[str, dict[str, str]] = {}
    rows = con.execute(
        "SELECT task, fold, list(sample_id ORDER BY sample_id) FROM kept_samples "
        "JOIN splits USING (patient_id) GROUP BY task, fold ORDER BY task, fold"
    ).fetchall()
    for task, fold, ids in rows:
        digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
        hashes.setdefault(task, {})[fold] = digest
    return hashes
