"""Read the scores of all recipes, and refuse to compare what is not comparable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, read_parquet
from fusehr.core.frame.tasks import in_order
from fusehr.evaluate.outputs import CALIBRATION, CONFUSION, CURVES, DRAWS, FULL, INTERVALS, LABELS

# The synthetic source's ceilings: the true risk, and what the recorded data let anyone attain.
# They are drawn and listed, but never ranked and never tested against the reference.
ATTAINABLE = "attainable"
CEILINGS = ("oracle", ATTAINABLE)


@dataclass(frozen=True)
class Scores:
    """Scores of all recipes; each frame has a column `recipe` before those of its schema."""

    recipes: tuple[str, ...]
    intervals: pd.DataFrame
    draws: pd.DataFrame
    labels: pd.DataFrame
    curves: pd.DataFrame
    calibration: pd.DataFrame
    confusion: pd.DataFrame
    skipped: dict[tuple[str, str], str]  # (task, recipe) -> reason
    not_recalibrated: dict[tuple[str, str], list[str]]  # (recipe, task/variant) -> class: reason

    @property
    def ranked(self) -> tuple[str, ...]:
        """Recipes that are models, in their given order."""
        return tuple(recipe for recipe in self.recipes if recipe not in CEILINGS)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that any recipe was scored on or skipped, in the project's order."""
        met = {*self.labels["task"], *(task for task, _ in self.skipped)}
        return in_order(met)


def gather(root: Path, recipes: tuple[str, ...]) -> Scores:
    """Scores below `root` (data/evaluate), in the order of `recipes`.

    A task that a recipe neither predicted nor explained is listed as skipped. Raises InputError
    where recipes of one condition were scored on other samples, labels or splits.
    """
    if not recipes:
        raise InputError(
            "dvc.yaml: stages.evaluate.deps: expected data/evaluate/<recipe>, found none"
        )
    frames = {}
    for table in (INTERVALS, DRAWS, LABELS, CURVES, CALIBRATION, CONFUSION):
        parts = [
            read_parquet(root / recipe / f"{table.name}.parquet", table).assign(recipe=recipe)
            for recipe in recipes
        ]
        filled = [part for part in parts if len(part)] or parts[:1]
        frames[table.name] = pd.concat(filled, ignore_index=True)
    _same_samples(frames["labels"], root)
    skipped, not_recalibrated = {}, {}
    for recipe in recipes:
        for task, reason in read_json(root / recipe / "skipped.json").items():
            skipped[task, recipe] = reason
        for condition, classes in read_json(root / recipe / "not_recalibrated.json").items():
            not_recalibrated[recipe, condition] = classes
    full = frames["labels"][frames["labels"]["variant"] == FULL]
    scored = set(zip(full["task"], full["recipe"], strict=True))
    tasks = {task for task, _ in scored} | {task for task, _ in skipped}
    for task in sorted(tasks):
        for recipe in recipes:
            if (task, recipe) not in scored:
                skipped.setdefault((task, recipe), "no predictions")
    return Scores(recipes=recipes, skipped=skipped, not_recalibrated=not_recalibrated, **frames)


def _same_samples(labels: pd.DataFrame, root: Path) -> None:
    for (task, variant), part in labels.groupby(["task", "variant"]):
        for column in ("digest", "split_sha"):
            first = part.iloc[0]
            other = part[part[column] != first[column]]
            if len(other):
                raise InputError(
                    f"{root}/{other.iloc[0]['recipe']}/labels.parquet: column {column}: expected "
                    f"the test samples, labels and split of {first['recipe']} for {task}, variant "
                    f"{variant}; found others, so the two cannot be compared"
                )
