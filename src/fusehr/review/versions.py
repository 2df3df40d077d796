"""The two versions that are compared: a git revision and the working tree, read through DVC."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dvc.config import NoRemoteError
from dvc.fs import DVCFileSystem
from dvc.repo import Repo
from dvc_data.index import DataIndexDirError

from fusehr.core.frame.errors import InputError

LOCK, PARAMS = "dvc.lock", "params.yaml"


class NotStoredError(Exception):
    """What a version tracks can be had neither from the cache nor from a remote."""


@dataclass(frozen=True)
class Version:
    """One version; `files` has what git and what DVC tracks, at paths that begin with a slash."""

    name: str
    commit: str
    files: DVCFileSystem
    lock: dict[str, Any]
    params: dict[str, Any]

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """Entries of dvc.lock (md5, size, nfiles) by the path of the output."""
        stages = self.lock.get("stages", {}).values()
        return {out["path"]: out for stage in stages for out in stage.get("outs", [])}

    def fetch(self, name: str, target: Path) -> None:
        """Copy the file or folder `name` to `target`, from the cache or else from its remote.

        Raises NotStoredError; nothing stays at `target` then.
        """
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.files.get(f"/{name}", str(target), recursive=True)
        except (FileNotFoundError, NoRemoteError, DataIndexDirError):
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
            raise NotStoredError(name) from None


@contextmanager
def versions(root: Path, revision: str) -> Iterator[tuple[Version, Version]]:
    """`revision` and the working tree of `root`.

    Raises InputError where git does not know the revision, or where it has no pipeline.
    """
    commit = commit_of(root, revision)
    with Repo(str(root)) as then, Repo(str(root)) as now, then.switch(commit):
        yield (
            _version(then.dvcfs, revision, commit),
            _version(now.dvcfs, "the working tree", commit_of(root, "HEAD")),
        )


def commit_of(root: Path, revision: str) -> str:
    """The full hash of a revision; InputError where git does not know it."""
    named = f"{revision}^{{commit}}"
    done = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", named],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InputError(f"review: expected a git revision, found {revision}")
    return done.stdout.strip()


def _version(files: DVCFileSystem, name: str, commit: str) -> Version:
    found = {}
    for file in (LOCK, PARAMS):
        try:
            with files.open(f"/{file}", "r") as opened:
                found[file] = yaml.safe_load(opened) or {}
        except FileNotFoundError:
            raise InputError(f"{file} of {name}: expected a file, found none") from None
    return Version(name, commit, files, found[LOCK], found[PARAMS])


def expect_reproduced(root: Path) -> None:
    """InputError where dvc.lock does not tell what `dvc repro` would leave.

    Outputs that are not here count as they are locked: a pull request is reviewed without fetching
    what it did not change.
    """
    with Repo(str(root)) as repo, repo.lock:
        stages = [stage for stage in repo.index.stages if stage.path_in_repo == "dvc.yaml"]
        stale = [stage.addressing for stage in stages if stage.changed(allow_missing=True)]
    if stale:
        few = ", ".join(stale[:5]) + (f" and {len(stale) - 5} more" if len(stale) > 5 else "")
        raise InputError(
            f"dvc.lock: expected what the working tree gives, found changed stages ({few}); "
            "run `dvc repro`"
        )
