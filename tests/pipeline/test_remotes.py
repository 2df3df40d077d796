"""Remotes as teams use them: a folder, S3, a restricted one; and a review by their help."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

# the first of them waits for the small run, which others share
pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(1800)]

PINS = Path(__file__).parent / "s3_server.txt"
AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def _server_program() -> Path:
    """moto_server in an environment of its own, kept for later runs; skips where it cannot be."""
    name = f"fusehr-s3-server-{hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]}"
    folder = Path(tempfile.gettempdir()) / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [str(folder / "bin/pip"), "install", "--quiet", "-r", str(PINS)]
            done = subprocess.run(pip, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
                pytest.skip(f"{PINS.name} cannot be installed: {last}")
            (folder / "done").touch()
    return folder / "bin/moto_server"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Address of an S3 server with a bucket `shared`."""
    program = _server_program()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            assert server.poll() is None, "moto_server ended"
            try:
                make = urllib.request.Request(f"{url}/shared", method="PUT")
                urllib.request.urlopen(make, timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait()


def _stages_run(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


@dataclass(frozen=True)
class Remote:
    """A folder, or a folder of the bucket on the S3 server at `endpoint`."""

    url: str
    endpoint: str | None = None

    def tell(self, clone: Any) -> None:
        """Make it the default remote of `clone`."""
        clone.run("dvc", "remote", "modify", "--local", "local", "url", self.url)
        if self.endpoint:
            clone.run("dvc", "remote", "modify", "--local", "local", "endpointurl", self.endpoint)


def _push(small: Any, folder: Path, remote: Remote) -> Remote:
    """Put all of the small run on `remote`, from a copy of it in `folder`."""
    shutil.copytree(small.folder, folder / "fusehr", symlinks=True)
    clone = type(small)(folder / "fusehr", small.store)
    remote.tell(clone)
    clone.run("dvc", "push", "--run-cache", **AWS)
    shutil.rmtree(clone.folder)
    return remote


@pytest.fixture(scope="module")
def full_folder(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Remote:
    """A folder with all of the small run; to be read only."""
    folder = tmp_path_factory.mktemp("folder-remote")
    return _push(small, folder, Remote(str(folder / "remote")))


@pytest.fixture(scope="module")
def full_s3(small: Any, s3: str, tmp_path_factory: pytest.TempPathFactory) -> Remote:
    """All of the small run on S3; to be read only."""
    return _push(small, tmp_path_factory.mktemp("s3-remote"), Remote("s3://shared/small", s3))


def _cloned(clone: Any, folder: Path) -> Any:
    clone.run("git", "clone", "--quiet", str(clone.folder), str(folder))
    return type(clone)(folder, clone.store)


@pytest.fixture(params=["full_folder", "full_s3"])
def other(request: pytest.FixtureRequest, small: Any, tmp_path: Path) -> Any:
    """A fresh clone that knows a remote with all of the small run."""
    clone = _cloned(small, tmp_path / "elsewhere" / "fusehr")
    request.getfixturevalue(request.param).tell(clone)
    return clone


def test_another_clone_pulls_and_has_nothing_to_do(other: Any) -> None:
    other.run("dvc", "pull", "--run-cache", **AWS)
    assert _stages_run(other.run("dvc", "repro", **AWS)) == set()
    assert other.run("git", "status", "--porcelain") == ""


def test_without_a_lock_the_run_cache_restores_all_that_the_remote_holds(
    small: Any, other: Any
) -> None:
    """Stages that leave metrics in git run, as git's files are on no remote; no other does."""
    (other.folder / "dvc.lock").unlink()
    ran = _stages_run(other.run("dvc", "repro", "--pull", "evaluate-score@gbm", **AWS))
    pipeline = yaml.safe_load((other.folder / "dvc.yaml").read_text())["stages"]
    assert ran == {"tables", "tables-audit"}
    assert all("metrics" in pipeline[name] for name in ran)
    again = other.lock()["stages"]
    assert {name: small.lock()["stages"][name] for name in again} == again


def test_a_restricted_remote_takes_all_outputs_and_the_default_one_none(
    copy_of_small: Any, tmp_path: Path
) -> None:
    clone = copy_of_small
    clone.set_params({"raw.remote": "restricted"})
    clone.run("dvc", "commit", "--force", "dvc.yaml")
    folders = {name: tmp_path / "remotes" / name for name in ("local", "restricted")}
    for name, folder in folders.items():
        clone.run("dvc", "remote", "modify", "--local", name, "url", str(folder))
    clone.run("dvc", "push", "--run-cache")
    assert list(folders["restricted"].glob("files/md5/*/*"))
    assert not (folders["local"] / "files").exists()
    # hashes and parameters, without data
    assert {path.name for path in folders["local"].iterdir()} == {"runs"}


def test_a_pull_request_is_reviewed_by_the_script(
    copy_of_small: Any, full_s3: Remote, tmp_path: Path
) -> None:
    base = copy_of_small
    full_s3.tell(base)
    head = _cloned(base, tmp_path / "head" / "fusehr")
    head.run("git", "checkout", "--quiet", "-b", "change")
    head.set_params({"recipes.gbm.max_iter": 3})
    head.run("git", "commit", "--quiet", "--all", "--message", "Boost less")
    remote = {
        "FUSEHR_REMOTE": full_s3.url,
        "FUSEHR_REMOTE_ENDPOINT": str(full_s3.endpoint),
        "FUSEHR_REVIEW_IMAGES": "https://example.org/images/",
    }
    output = head.run("bash", ".github/review.sh", "write", "origin/main", **AWS, **remote)
    evaluated = {"evaluate", "evaluate-subgroups", "evaluate-cards"}
    assert _stages_run(output) == {"train@gbm", "evaluate-score@gbm"} | evaluated
    page = (head.folder / "review/review.md").read_text()
    assert re.search(r"\| mortality \| gbm \| auroc \|.*(better|worse|not shown)", page)
    assert "| `recipes.gbm.max_iter` | `20` | `3` |" in page
    assert "](https://example.org/images/leaderboard.png)" in page
    assert (head.folder / "review/leaderboard.png").exists()
    _publishes_once(head, base, tmp_path)


GH = """#!/usr/bin/env bash
# keeps the requests, and has one comment as soon as one was posted
echo "$*" >> "$ASKED"
case "$*" in
*--paginate*) if grep -q POST "$ASKED"; then echo 7; fi ;;
esac
"""


def _publishes_once(head: Any, base: Any, tmp_path: Path) -> None:
    """The first time a new comment, then the same one; images on a branch of their own."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gh").write_text(GH)
    (tmp_path / "bin/gh").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{head.environment()['PATH']}"
    asked = tmp_path / "asked"
    github = {"GITHUB_REPOSITORY": "o/r", "IMAGES": "12/abc", "ASKED": str(asked), "PATH": path}
    for _ in range(2):
        head.run("bash", ".github/review.sh", "publish", "12", **github)
    wrote = [line for line in asked.read_text().splitlines() if "--method" in line]
    assert [line.split()[2] for line in wrote] == ["POST", "PATCH"]
    assert "issues/12/comments" in wrote[0] and "issues/comments/7" in wrote[1]
    listed = base.run("git", "ls-tree", "-r", "--name-only", "reviews").split()
    assert "12/abc/leaderboard.png" in listed
    assert all(name.startswith("12/abc/") for name in listed)
