"""What DVC itself tells of two versions: numbers under metrics/, and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.repo import Repo

from fusehr.core.frame.errors import InputError

LEADERBOARD = "metrics/leaderboard.json"
QUALITY = ("metrics/audit.json", "metrics/tables.json")


@dataclass(frozen=True)
class Change:
    """One value of `file` at base and head, None where a version has none.

    `amount`: head less base, None where either is no number.
    """

    file: str
    name: str
    base: Any
    head: Any
    amount: float | None


def changed_metrics(root: Path, commit: str) -> list[Change]:
    """As `dvc metrics diff`, largest absolute change first, what is no number last."""
    with Repo(str(root)) as repo:
        changes = _changes(repo.metrics.diff(a_rev=commit, b_rev="workspace"))
    return sorted(
        changes, key=lambda one: (one.amount is None, -abs(one.amount or 0), one.file, one.name)
    )


def changed_params(root: Path, commit: str) -> list[Change]:
    """As `dvc params diff`, by name."""
    with Repo(str(root)) as repo:
        changes = _changes(repo.params.diff(a_rev=commit, b_rev="workspace"))
    return sorted(changes, key=lambda one: (one.file, one.name))


def _changes(found: Mapping[str, Any]) -> list[Change]:
    for error in found.get("errors", {}).values():
        for file, why in error.items() if isinstance(error, dict) else [("dvc.yaml", error)]:
            # a version may lack a file that the other has
            if not isinstance(why, FileNotFoundError):
                raise InputError(f"{file}: expected a file that DVC can read, found: {why}")
    return [
        Change(file, name, values.get("old"), values.get("new"), values.get("diff"))
        for file, own in found.get("diff", {}).items()
        for name, values in own.items()
    ]
