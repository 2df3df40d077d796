"""Where a study is kept: a folder named after everything that decides what its trials give."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from fusehr.core.cache_folder import cache_folder
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import sha256_of
from fusehr.core.frame.params import StageParams, declared_deps, lookup, read_yaml

PIPELINE = Path("stages/tune/dvc.yaml")
STAGE = "train-tune"

# What the stage depends on besides, for what comes after the last trial, or for how many there are
# and who does them: more trials go on with the study.
AFTERWARDS = (
    "src/fusehr/core/calibration.py",
    "src/fusehr/core/figure_style.py",
    "src/fusehr/core/params/evaluate.py",
    "src/fusehr/evaluate/",
    "src/fusehr/tune/effect.py",
    "src/fusehr/tune/figures",
    "src/fusehr/tune/report.py",
    "stages/",
)
UNDECISIVE = ("evaluate.", "raw.", "tables.", "tune.processes", "tune.trials")


def study_folder(root: Path, name: str, params: StageParams) -> Path:
    """Folder outside the workspace of the study of space `name`, with the code and data in `root`.

    Raises InputError where something that the stage depends on is not there.
    """
    deps = declared_deps(f"{STAGE}@{name}", read_yaml(root / PIPELINE), params.tree)
    decisive = {
        "space": name,
        "params": {
            path: lookup(params.tree, path)
            for path in sorted(params.declared)
            if not path.startswith(UNDECISIVE)
        },
        "deps": {
            path: _digest(root, path)
            for path in sorted(set(deps))
            if not path.startswith(AFTERWARDS)
        },
    }
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    return cache_folder("tune") / f"{name}-{digest[:16]}"


def _digest(root: Path, path: str) -> dict[str, str]:
    """SHA-256 of the file at `path`, or of each in the folder there, by name."""
    whole = root / path
    if not whole.exists():
        raise InputError(f"{path}: expected what {STAGE} depends on, found none; run dvc repro")
    return {file.relative_to(root).as_posix(): sha256_of(file) for file in _files(whole)}


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file
