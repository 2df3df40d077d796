"""Which code, parameters and data a page is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fusehr.clone import git
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import sha256_of
from fusehr.core.frame.params import lookup, read_yaml

KEYS = (
    *("raw.source", "tables.split.kind", "tables.split.seed", "train.seeds", "embed.encoder"),
    *("rag.kg", "evaluate.reference", "evaluate.bootstrap_draws", "evaluate.seed"),
)


def provenance(root: Path) -> list[tuple[str, str]]:
    """Name and value, a line each. Raises InputError without dvc.lock or params.yaml."""
    lock = root / "dvc.lock"
    if not lock.is_file():
        raise InputError(f"{lock}: expected a file, found none; run `dvc repro`")
    tree = read_yaml(root / "params.yaml")
    source = lookup(tree, "raw.source")
    rows = [("Commit", _commit(root)), ("SHA-256 of dvc.lock", sha256_of(lock))]
    if source == "synthetic":
        rows.append(("Patients drawn", f"{lookup(tree, 'raw.synthetic.patients'):,}"))
    return [*rows, *((key, _words(lookup(tree, key))) for key in KEYS)]


def _commit(root: Path) -> str:
    try:
        head = git(root, "rev-parse", "HEAD")
        changed = git(root, "status", "--porcelain", "--untracked-files=no")
    except InputError:
        return "not in a git repository"
    return f"{head}, with uncommitted changes" if changed else head


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def sizes(root: Path) -> list[tuple[str, str, str]]:
    """Output, size in MiB and number of files of what dvc.lock lists below data/, by name."""
    stages = read_yaml(root / "dvc.lock").get("stages", {})
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    return sorted(
        (out["path"], f"{out['size'] / 2**20:,.1f}", f"{out.get('nfiles', 1):,}")
        for out in outs
        if out["path"].startswith("data/") and "size" in out
    )
