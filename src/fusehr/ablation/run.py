"""Train and score every variant in a clean clone, and write how they compare.

Nothing in the working tree changes but benchmarks/ablations/<name>/. Outputs go through the cache
of the repository, so that what was computed once, by whatever run, is not computed again.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml

from fusehr.ablation.figure import draw_ablation
from fusehr.ablation.plan import FOLDER, Plan, load_plan, scored_as
from fusehr.ablation.table import ablation_table, page
from fusehr.clone import clean_clone, dvc, git
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.frame.stage import say
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.gather import gather
from fusehr.overlay import overlay

SCORES = Path("data/evaluate")
TABLE, PAGE, FIGURE, COMMIT = "table.csv", "table.md", "figure.png", "commit.txt"


def ablate(root: Path, name: str) -> str:
    """Run the ablation `name` on the committed state; what it found, as a page.

    Raises InputError where the plan or a parameter is unknown, the working tree is not clean, or a
    stage fails.
    """
    plan = load_plan(root, name)
    params = read_yaml(root / "params.yaml")
    for recipe in plan.recipes:
        lookup(params, f"recipes.{recipe}")
    evaluated = validate(lookup(params, "evaluate"), EvaluateParams, "evaluate")
    primary = evaluated.primary
    if lookup(params, "raw.remote") == "restricted":
        raise InputError(
            f"params.yaml: raw.source: expected an open source, as the result is written to "
            f"{FOLDER} to be committed; found {lookup(params, 'raw.source')}"
        )
    with tempfile.TemporaryDirectory(prefix="fusehr-") as scratch:
        kept = Path(scratch)
        for number, variant in enumerate(plan.variants, 1):
            say(f"ablation {name}: {variant}, {number} of {len(plan.variants)}")
            _score(root, plan, variant, f"{FOLDER / name}.yaml", kept)
        names = tuple(scored_as(r, v) for r in plan.recipes for v in plan.variants)
        table = ablation_table(gather(kept, names), plan, primary=primary)
    with output_folder(root / FOLDER / name) as folder:
        table.to_csv(folder / TABLE, index=False, lineterminator="\n")
        (folder / PAGE).write_text(page(table, plan))
        draw_ablation(folder / FIGURE, table, plan)
        (folder / COMMIT).write_text(git(root, "rev-parse", "HEAD") + "\n")
    return f"{page(table, plan)}\nwrote {FOLDER / name}"


def _score(root: Path, plan: Plan, variant: str, file: str, kept: Path) -> None:
    with clean_clone(root) as clone:
        params = read_yaml(clone / "params.yaml")
        changed = overlay(params, plan.changes(variant), file=file)
        (clone / "params.yaml").write_text(yaml.safe_dump(changed, sort_keys=False))
        dvc(clone, "cache", "dir", "--local", str((root / ".dvc" / "cache").resolve()))
        dvc(clone, "repro", *(f"evaluate-score@{recipe}" for recipe in plan.recipes))
        for recipe in plan.recipes:
            shutil.copytree(clone / SCORES / recipe, kept / scored_as(recipe, variant))
