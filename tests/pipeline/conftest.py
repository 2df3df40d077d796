"""A scratch clone of this repository in which the whole pipeline has run on a small cohort."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

ROOT = Path(__file__).parents[2]

SMALL: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "small.yaml").read_text())


@dataclass(frozen=True)
class Clone:
    """A git clone with its own data, DVC cache and remote; `store`: of vectors."""

    folder: Path
    store: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Output (stdout and stderr) of `command`, run in the clone with its own sources."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment() | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1500,
        )
        text = done.stdout + done.stderr
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{text}"
        return text

    def environment(self) -> dict[str, str]:
        """This process's environment, with the clone's sources and without data folders."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FUSEHR_", "PYTEST_"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        return kept | {
            "PATH": path,
            "PYTHONPATH": str(self.folder / "src"),
            "FUSEHR_CACHE": str(self.store),
            "DVC_GLOBAL_CONFIG_DIR": str(self.folder.parent / "dvc-settings"),
            "DVC_SYSTEM_CONFIG_DIR": str(self.folder.parent / "dvc-settings"),
            "DVC_SITE_CACHE_DIR": str(self.folder.parent / "dvc-site"),
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.org",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.org",
        }

    def set_params(self, changes: dict[str, Any]) -> None:
        """Change params.yaml by dotted paths."""
        path = self.folder / "params.yaml"
        tree = yaml.safe_load(path.read_text())
        for name, value in changes.items():
            *parents, last = name.split(".")
            node = tree
            for parent in parents:
                node = node[parent]
            node[last] = value
        path.write_text(yaml.safe_dump(tree, sort_keys=False))

    def lock(self) -> dict[str, Any]:
        """Content of dvc.lock."""
        return yaml.safe_load((self.folder / "dvc.lock").read_text())


def clone_into(folder: Path) -> Clone:
    """The files of this working tree that git does not ignore, committed to a new repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    clone = Clone(folder, folder.parent / "store")
    clone.run("git", "init", "--quiet", "--initial-branch=main")
    return clone


def commit(clone: Clone, message: str) -> None:
    """Commit all that git does not ignore."""
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message", message)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The pipeline, run once on a small synthetic cohort and committed.

    Workers share it: the first that needs it runs it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "small" / "fusehr"
    with FileLock(shared / "small.lock"):
        if not (shared / "small.done").exists():
            shutil.rmtree(folder.parent, ignore_errors=True)
            clone = clone_into(folder)
            clone.set_params(SMALL)
            clone.run("dvc", "repro")
            commit(clone, "Run the pipeline on a small cohort")
            (shared / "small.done").touch()
    return Clone(folder, folder.parent / "store")


@pytest.fixture
def copy_of_small(small: Clone, tmp_path: Path) -> Clone:
    """A copy of the small run that a test may spoil."""
    shutil.copytree(small.folder, tmp_path / "fusehr", symlinks=True)
    return Clone(tmp_path / "fusehr", small.store)
