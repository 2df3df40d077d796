"""The powered profile: the pipeline at a size at which recipes can be told apart.

benchmarks/powered/profile.yaml says which parameters differ from params.yaml. What the run gives
(metrics, plots, the resolved parameters, dvc.lock) is written beside it, with the commit that made
it and, in report.md, what it says of each claim. Two further runs change more: silenced.yaml takes
the signal out of notes, image and graph, and what recipes still gain from them in such data is in
silenced.csv; unimodal.yaml leaves networks one of their modalities, and what they lose by it is in
unimodal.csv.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from fusehr.clone import clean_clone, dvc, git
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.frame.stage import say
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.compare import paired_with_unimodal
from fusehr.evaluate.gather import gather
from fusehr.evaluate.powered_report import SILENCED, UNIMODAL, powered_report
from fusehr.evaluate.withheld import withheld_sources
from fusehr.overlay import overlay

FOLDER = Path("benchmarks/powered")
PROFILE = "profile.yaml"
SILENCED_PROFILE = "silenced.yaml"
UNIMODAL_PROFILE = "unimodal.yaml"
SCORES = Path("data/evaluate")
# Recipes that are tried on silenced data: those that the claims are about.
TRIED = ("gbm_facts", "gbm_all", "fusehr")
RESULT = "result"
REPORT = "report.md"
KEPT = ("metrics", "plots", "params.yaml", "dvc.lock")
DISTILLATION = "distillation"
KEPT_OF_STUDENTS = (
    "metrics/students.json",
    "plots/students.csv",
    "plots/students_paired.csv",
    "plots/students.md",
    "plots/students.png",
    "params.yaml",
    "dvc.lock",
)


def powered(root: Path) -> str:
    """Run the profile on the committed state; a line saying where the result is.

    Outputs go through the cache of `root`, so that a run that was broken off goes on where it was.
    Raises InputError where the working tree is not clean, a parameter is unknown, or a stage fails.
    """
    with clean_clone(root) as clone:
        _prepare(root, clone, PROFILE)
        say("powered: the whole pipeline in a clean clone, with the parameters of the profile")
        dvc(clone, "repro")
        unimodal = _unimodal(root, clone / SCORES)
        silenced = _silenced(root)
        with output_folder(root / FOLDER / RESULT) as folder:
            for name in KEPT:
                source = clone / name
                copy = shutil.copytree if source.is_dir() else shutil.copyfile
                copy(source, folder / name)
            (folder / "commit.txt").write_text(git(clone, "rev-parse", "HEAD") + "\n")
            for name, table in ((SILENCED, silenced), (UNIMODAL, unimodal)):
                table.to_csv(folder / name, index=False, lineterminator="\n")
            (folder / REPORT).write_text(powered_report(folder))
    return f"powered: wrote {FOLDER / RESULT}; its claims are in {REPORT}"


def powered_distillation(root: Path) -> str:
    """Run the profile as far as students are concerned; a line saying where the result is.

    A fifth of the whole run, which includes it. Raises as `powered` does.
    """
    with clean_clone(root) as clone:
        _prepare(root, clone, PROFILE)
        say("powered: distillation in a clean clone, with the parameters of the profile")
        dvc(clone, "repro", "evaluate-students")
        with output_folder(root / FOLDER / DISTILLATION) as folder:
            for name in KEPT_OF_STUDENTS:
                shutil.copyfile(clone / name, folder / Path(name).name)
            (folder / "commit.txt").write_text(git(clone, "rev-parse", "HEAD") + "\n")
    return f"powered: wrote {FOLDER / DISTILLATION}; its claims are in students.md"


def _prepare(root: Path, clone: Path, *profiles: str) -> None:
    """Give the clone the parameters of `profiles`, one on top of the other, and the cache."""
    params = read_yaml(clone / "params.yaml")
    for name in profiles:
        params = overlay(params, read_yaml(root / FOLDER / name), file=str(FOLDER / name))
    (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    dvc(clone, "cache", "dir", "--local", str((root / ".dvc" / "cache").resolve()))


def _silenced(root: Path) -> pd.DataFrame:
    """What recipes gain from each source of inputs where none but the series tells anything."""
    with clean_clone(root) as clone:
        _prepare(root, clone, PROFILE, SILENCED_PROFILE)
        say("powered: recipes on data in which notes, image and graph tell nothing")
        _score(clone, TRIED)
        return withheld_sources(gather(clone / SCORES, TRIED), primary=_primary(clone))


def _unimodal(root: Path, full: Path) -> pd.DataFrame:
    """Recipes of unimodal.yaml, whose scores are below `full`, against themselves with less."""
    alone = unimodal_names(read_yaml(root / FOLDER / UNIMODAL_PROFILE))
    with clean_clone(root) as clone:
        _prepare(root, clone, PROFILE, UNIMODAL_PROFILE)
        say("powered: networks over several modalities with one of them")
        _score(clone, tuple(alone))
        for recipe, name in alone.items():
            shutil.copytree(clone / SCORES / recipe, full / name)
        scores = gather(full, (*alone, *alone.values()))
        return paired_with_unimodal(scores, unimodal=alone, primary=_primary(clone))


def _score(clone: Path, recipes: Sequence[str]) -> None:
    dvc(clone, "repro", *(f"evaluate-score@{recipe}" for recipe in recipes))


def _primary(clone: Path) -> Mapping[str, str]:
    tree = read_yaml(clone / "params.yaml")
    params = validate(lookup(tree, "evaluate"), EvaluateParams, "evaluate")
    return params.primary


def unimodal_names(profile: Mapping[str, Any]) -> dict[str, str]:
    """Recipe -> a name that tells its one modality, of `recipes.<recipe>.<parameter>: value`.

    Raises InputError for a path of another form.
    """
    found = {}
    for path, value in profile.items():
        block, *rest = path.split(".")
        if block != "recipes" or len(rest) != 2:
            raise InputError(
                f"{FOLDER / UNIMODAL_PROFILE}: {path}: expected recipes.<recipe>.<parameter>"
            )
        found[rest[0]] = "_".join([rest[0], *([value] if isinstance(value, str) else value)])
    return found
