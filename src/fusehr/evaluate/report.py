"""All that the last stage leaves: the leaderboard, the tables, the pictures, a text to print."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file, write_json
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.figures.board import draw_board
from fusehr.evaluate.figures.curves import draw_calibration, draw_pr, draw_roc
from fusehr.evaluate.figures.training import COLUMNS, draw_training
from fusehr.evaluate.figures.withheld import draw_withheld
from fusehr.evaluate.gather import gather
from fusehr.evaluate.leaderboard import as_text, ceiling_warnings, leaderboard
from fusehr.evaluate.students.names import ON_BOARD, predicted_in
from fusehr.evaluate.tables import rounded, tables

# What was distilled was not trained by the room `train`.
PLACES = {recipe: predicted_in(name) for name, recipe in ON_BOARD.items()}


def report(
    root: Path, recipes: tuple[str, ...], params: EvaluateParams, *, restricted: bool
) -> str:
    """Write metrics/ and plots/ below `root` from its data/ and return the text to print.

    Raises InputError where scores are missing or not comparable, or a comparison names no recipe.
    """
    _known(recipes, params)
    params.expect_no_small_cells(restricted=restricted)
    scores = gather(root / "data/evaluate", recipes)
    primary = params.primary
    small = params.small_cell if restricted else None
    found = {name: rounded(table) for name, table in tables(scores, params, small=small).items()}
    board = leaderboard(scores, found["metrics"], small=small)
    write_json(root / "metrics/leaderboard.json", board)
    plots = root / "plots"
    for name, table in found.items():
        with output_file(plots / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, lineterminator="\n")
    draw_board(plots / "leaderboard.png", scores, found["metrics"], primary=primary)
    draw_roc(plots / "roc.png", scores, found["roc"])
    draw_pr(plots / "pr.png", scores, found["pr"], found["metrics"])
    draw_calibration(plots / "calibration.png", scores, found["calibration"])
    draw_training(plots / "training.png", scores, _training_curves(root, recipes))
    draw_withheld(plots / "withheld.png", scores, found["withheld"], primary=primary)
    warnings = ceiling_warnings(found["ceiling"])
    return "\n".join([as_text(recipes, found["metrics"], board), *warnings])


def _known(recipes: tuple[str, ...], params: EvaluateParams) -> None:
    named = [
        ("reference", params.reference),
        ("noninferior.against", params.noninferior.against),
        *((f"unimodal.{name}", other) for name, other in params.unimodal.items()),
    ]
    for where, name in named:
        if name not in recipes:
            raise InputError(
                f"params.yaml: evaluate.{where}: expected one of {', '.join(recipes)}, found {name}"
            )
    for name, other in params.unimodal.items():
        if name not in recipes or name == other:
            raise InputError(
                f"params.yaml: evaluate.unimodal.{name}: expected one of {', '.join(recipes)} as "
                f"the name, and another as the value, found {name}: {other}"
            )


def _training_curves(root: Path, recipes: tuple[str, ...]) -> pd.DataFrame:
    """curves.csv of all recipes; recipes that do not train in epochs have no rows."""
    parts = []
    for recipe in recipes:
        path = root / PLACES.get(recipe, Path("data/train") / recipe) / "curves.csv"
        if not path.exists():
            raise InputError(f"{path}: expected a file, found none")
        part = pd.read_csv(path)
        for column in COLUMNS:
            if column not in part.columns:
                raise InputError(
                    f"{path}: column {column}: expected, found {', '.join(map(str, part.columns))}"
                )
        parts.append(part.assign(recipe=recipe))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)
