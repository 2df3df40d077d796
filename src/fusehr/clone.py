"""The committed state in a clean clone, rebuilt there by DVC."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusehr.core.frame.errors import InputError


@contextmanager
def clean_clone(root: Path) -> Iterator[Path]:
    """A temporary clone of HEAD that shares nothing with `root` but commits and installed packages.

    Raises InputError where tracked files have changes that are not committed.
    """
    if git(root, "status", "--porcelain", "--untracked-files=no"):
        raise InputError("git: expected a clean working tree, found uncommitted changes")
    with tempfile.TemporaryDirectory(prefix="fusehr-clone-") as folder:
        clone = Path(folder) / "clone"
        git(root, "clone", "--quiet", "--no-hardlinks", str(root.resolve()), str(clone))
        yield clone


def dvc(clone: Path, *arguments: str) -> None:
    """Run DVC in `clone` with the clone's own code; InputError where it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone / "src"), "PATH": path},
        check=False,
    )
    if done.returncode:
        raise InputError(f"dvc {arguments[0]}: expected exit code 0, found {done.returncode}")


def git(root: Path, *arguments: str) -> str:
    """What git prints, stripped; InputError where it fails."""
    done = subprocess.run(
        ["git", *arguments], cwd=root, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise InputError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()
