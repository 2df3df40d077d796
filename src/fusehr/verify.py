"""Rebuild the committed state in a clean clone without the cache, and compare the two dvc.lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fusehr.clone import clean_clone, dvc
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import read_yaml
from fusehr.core.frame.stage import say


def verify(root: Path) -> str:
    """A line saying that no output differs; InputError listing those that do."""
    with clean_clone(root) as clone:
        committed = read_yaml(clone / "dvc.lock")
        (clone / "dvc.lock").unlink()
        say("verify: rebuilding every stage in a clean clone, without the cache")
        dvc(clone, "repro", "--no-run-cache")
        differing, compared = compare(committed, read_yaml(clone / "dvc.lock"))
    if differing:
        raise InputError("dvc.lock: outputs differ:\n  " + "\n  ".join(differing))
    return f"verify: {compared} outputs compared, 0 differ"


def compare(committed: dict[str, Any], rebuilt: dict[str, Any]) -> tuple[list[str], int]:
    """Outputs (`stage: path`) whose hash differs or that one lock lacks; how many there are."""
    left, right = _outputs(committed), _outputs(rebuilt)
    names = sorted(left.keys() | right.keys())
    return [name for name in names if left.get(name) != right.get(name)], len(names)


def _outputs(lock: dict[str, Any]) -> dict[str, str]:
    return {
        f"{stage}: {out['path']}": out["md5"]
        for stage, content in lock.get("stages", {}).items()
        for out in content.get("outs", [])
    }
