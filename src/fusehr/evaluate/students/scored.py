"""The teacher and each student scored as every recipe is, with the same draws of patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fusehr.core.frame.files import output_folder
from fusehr.core.params.evaluate import ScoreParams
from fusehr.evaluate.scoring.score_recipe import score_recipe
from fusehr.evaluate.students.names import EVALUATED, ON_BOARD, STUDENTS, TEACHER, predicted_in


def score_students(
    root: Path, variants: Sequence[str], params: ScoreParams, *, step_hours: float
) -> None:
    """Write data/evaluate/ckd_teacher, .../ckd_student and .../students/<variant> below `root`.

    Raises InputError where one of them left no predictions, or irregular ones.
    """
    evaluated = root / EVALUATED

    def score(name: str, target: Path) -> None:
        score_recipe(root / predicted_in(name), target, params, step_hours=step_hours)

    for name in (TEACHER, *variants):
        if name in ON_BOARD:
            score(name, evaluated / ON_BOARD[name])
    with output_folder(evaluated / STUDENTS) as folder:
        for name in variants:
            if name not in ON_BOARD:
                score(name, folder / name)
