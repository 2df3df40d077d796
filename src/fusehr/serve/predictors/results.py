"""What the stage `train` wrote of a recipe: its configuration and validation predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from fusehr.core.calibration import Calibration, calibration
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import StageParams
from fusehr.core.frame.schemas import PREDICTIONS, check_parquet
from fusehr.core.frame.tasks import Task, base
from fusehr.core.predictions import FULL
from fusehr.serve.predictors.contract import About, Recalibration
from fusehr.train.engine.contract import Recipe
from fusehr.train.engine.registry import load_recipe

TRAINED = Path("data/train")
ROUND = "split"  # a cross-validated recipe has one model a fold, none of them for new patients


@dataclass(frozen=True)
class Result:
    """One fit of a trained recipe. stem: of its files of weights."""

    recipe: Recipe
    about: About
    recalibration: Recalibration
    stem: Path


def trained_tasks(root: Path, name: str) -> list[Task]:
    """Tasks for which the recipe has weights; none where it was not trained."""
    path = root / TRAINED / name / "recipe.json"
    if not path.is_file():
        return []
    fitted = read_json(path)["fitted"]
    return [task for task, rounds in fitted.items() if ROUND in rounds]


def load_result(root: Path, name: str, task: Task, seed: int | None) -> Result:
    """The fit of recipe `name` for `task` with `seed`, by default the lowest that it has.

    Raises InputError where there is none.
    """
    folder = root / TRAINED / name
    path = folder / "recipe.json"
    if not path.is_file():
        raise InputError(f"{path}: expected a trained recipe, found none; run `dvc repro`")
    written = read_json(path)
    tasks = trained_tasks(root, name)
    if not tasks:
        raise InputError(f"{path}: expected one model for new patients, found one of each fold")
    if task not in tasks:
        raise InputError(f"--task: expected one of {', '.join(tasks)}, found {task!r}")
    seeds = sorted(map(int, written["fitted"][task][ROUND]))
    chosen = seeds[0] if seed is None else seed
    if chosen not in seeds:
        raise InputError(f"--seed: expected one of {seeds}, found {chosen}")
    params = StageParams(f"train@{name}", tuple(written["params"]), _tree(written["params"]))
    recipe = load_recipe(name, params).recipe
    table = read_predictions(folder / "predictions.parquet", task, chosen)
    classes = tuple(sorted(table["class"].unique()))
    exclusive = base(task) == "triage" and len(classes) > 1
    about = About(
        name,
        name,
        task,
        classes,
        exclusive,
        tuple(recipe.modalities),
        chosen,
        written["split_sha"],
    )
    found = Recalibration(fitted_on_validation(table, classes), exclusive)
    return Result(recipe, about, found, folder / "weights" / task / ROUND / str(chosen))


def read_predictions(path: Path, task: Task, seed: int) -> pd.DataFrame:
    """fold, class, y, p of a recipe's predictions with nothing withheld."""
    check_parquet(path, PREDICTIONS)
    rows = pq.read_table(
        path,
        columns=["fold", "class", "y", "p"],
        filters=[("task", "=", task), ("seed", "=", seed), ("variant", "=", FULL)],
    )
    return rows.to_pandas()


def fitted_on_validation(table: pd.DataFrame, classes: Sequence[str]) -> tuple[Calibration, ...]:
    """Of each class, from the validation rows of `read_predictions`."""
    rows = table[table["fold"] == "val"]
    found: list[Calibration] = []
    for name in classes:
        own = rows[rows["class"] == name]
        y, p = own["y"].to_numpy(np.float64), own["p"].to_numpy(np.float64)
        found.append(calibration(y, p))
    return tuple(found)


def _tree(params: Mapping[str, Any]) -> dict[str, Any]:
    """{"a.b": 1} as {"a": {"b": 1}}."""
    tree: dict[str, Any] = {}
    for path, value in sorted(params.items()):
        *parents, last = path.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree
