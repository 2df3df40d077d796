"""Rebuild the committed state in a clean clone without the cache, and compare the two dvc.lock."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import read_yaml
from fusehr.core.frame.stage import say


def verify(root: Path) -> str:
    """A line saying that no output differs; InputError listing those that do.

    The clone shares nothing with this folder but its commits and the installed packages.
    """
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        raise InputError("git: expected a clean working tree, found uncommitted changes")
    with tempfile.TemporaryDirectory(prefix="fusehr-verify-") as folder:
        clone = Path(folder) / "clone"
        _git(root, "clone", "--quiet", "--no-hardlinks", str(root.resolve()), str(clone))
        committed = read_yaml(clone / "dvc.lock")
        (clone / "dvc.lock").unlink()
        environment = {"PYTHONPATH": str(clone / "src")}
        say("verify: rebuilding every stage in a clean clone, without the cache")
        _rebuild(clone, environment)
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


def _rebuild(clone: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "dvc", "repro", "--no-run-cache"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command, cwd=clone, env=os.environ | environment | {"PATH": path}, check=False
    )
    if done.returncode:
        raise InputError(f"dvc repro: expected exit code 0, found {done.returncode}")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise InputError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()
