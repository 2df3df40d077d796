"""The powered profile: the pipeline at a size at which recipes can be told apart.

benchmarks/powered/profile.yaml says which parameters differ from params.yaml. What the run gives
(metrics, plots, the resolved parameters, dvc.lock) is written beside it, with the commit that made
it, for the README to claim from.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fusehr.clone import clean_clone, dvc, git
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import lookup, read_yaml
from fusehr.core.frame.stage import say

FOLDER = Path("benchmarks/powered")
PROFILE = "profile.yaml"
RESULT = "result"
KEPT = ("metrics", "plots", "params.yaml", "dvc.lock")


def powered(root: Path) -> str:
    """Run the profile on the committed state; a line saying where the result is.

    Outputs go through the cache of `root`, so that a run that was broken off goes on where it was.
    Raises InputError where the working tree is not clean, a parameter is unknown, or a stage fails.
    """
    profile = read_yaml(root / FOLDER / PROFILE)
    with clean_clone(root) as clone:
        changed = overlay(read_yaml(clone / "params.yaml"), profile, file=str(FOLDER / PROFILE))
        (clone / "params.yaml").write_text(yaml.safe_dump(changed, sort_keys=False))
        dvc(clone, "cache", "dir", "--local", str((root / ".dvc" / "cache").resolve()))
        say("powered: the whole pipeline in a clean clone, with the parameters of the profile")
        dvc(clone, "repro")
        with output_folder(root / FOLDER / RESULT) as folder:
            for name in KEPT:
                source = clone / name
                copy = shutil.copytree if source.is_dir() else shutil.copyfile
                copy(source, folder / name)
            (folder / "commit.txt").write_text(git(clone, "rev-parse", "HEAD") + "\n")
    return f"powered: wrote {FOLDER / RESULT}"


def overlay(params: Mapping[str, Any], profile: Mapping[str, Any], *, file: str) -> dict[str, Any]:
    """`params` with what `profile` (dotted path: value) says; InputError for an unknown path."""
    changed = yaml.safe_load(yaml.safe_dump(dict(params)))
    for path, value in profile.items():
        old = lookup(changed, path, file=file)
        if type(old) is not type(value):
            raise InputError(
                f"{file}: {path}: expected {type(old).__name__}, found {type(value).__name__}"
            )
        *parents, last = path.split(".")
        node = changed
        for parent in parents:
            node = node[parent]
        node[last] = value
    return changed
