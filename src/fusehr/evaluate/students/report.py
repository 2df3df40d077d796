"""Teacher and students, scored and compared: tables, a picture, a page, a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file, write_json
from fusehr.core.params.distill import BASELINE, STUDENT
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.gather import gather
from fusehr.evaluate.students.figure import draw_students
from fusehr.evaluate.students.gaps import KEPT, SHARE, paired_table, students_table
from fusehr.evaluate.students.names import (
    COPY,
    DIAGNOSES,
    EVALUATED,
    TEACHER,
    predicted_in,
    scored_as,
)
from fusehr.evaluate.students.new_onset import NEW_ONSET, new_onset_auroc, read_onsets
from fusehr.evaluate.students.page import page
from fusehr.evaluate.students.scored import score_students
from fusehr.evaluate.students.values import Values, collect
from fusehr.evaluate.tables import rounded

DECIMALS = 4


def evaluate_students(
    root: Path,
    params: EvaluateParams,
    *,
    tasks: Sequence[str],
    variants: Sequence[str],
    step_hours: float,
    restricted: bool,
) -> str:
    """Write scores, tables, page, picture and numbers below `root`; returns a text to print.

    tasks, variants: what the room `distill` was told to do. The scores of the copy are those that
    the leaderboard has. Raises InputError where predictions are missing or not comparable.
    """
    _check(params, variants, restricted=restricted)
    score_students(root, variants, params, step_hours=step_hours)
    names = (TEACHER, *variants, COPY)
    scores = gather(root / EVALUATED, tuple(map(scored_as, names)))
    onsets = {}
    if DIAGNOSES in tasks:
        table = read_onsets(root / "data/tables")
        onsets = {
            name: new_onset_auroc(root / predicted_in(name) / "predictions.parquet", table, params)
            for name in names
        }
    values = collect(
        scores,
        onsets,
        tasks=tasks,
        variants=variants,
        primary=params.primary,
        small=params.small_cell if restricted else None,
    )
    students, paired = rounded(students_table(values)), rounded(paired_table(values))
    plots = root / "plots"
    for name, frame in (("students", students), ("students_paired", paired)):
        with output_file(plots / f"{name}.csv") as partial:
            frame.to_csv(partial, index=False, lineterminator="\n")
    with output_file(plots / "students.md") as partial:
        partial.write_text(page(students, paired))
    draw_students(plots / "students.png", students)
    write_json(root / "metrics/students.json", numbers(students))
    return _text(values)


def numbers(students: pd.DataFrame) -> dict[str, dict[str, dict[str, float | str]]]:
    """task -> student -> number; of the served student also what it closes, keeps and foresees."""
    found: dict[str, dict[str, dict[str, float | str]]] = {}
    for (task, name), rows in students.groupby(["task", "student"], sort=False):
        by_metric = {row["metric"]: row for row in rows.to_dict("records")}
        primary = next(iter(by_metric))
        told = {"auroc": by_metric["auroc"]["value"]}
        if name == STUDENT:
            told |= {SHARE: by_metric[primary][SHARE], KEPT: by_metric["auroc"][KEPT]}
            if NEW_ONSET in by_metric:
                told[NEW_ONSET] = by_metric[NEW_ONSET]["value"]
        entry: dict[str, float | str] = {
            key: round(float(value), DECIMALS) for key, value in told.items() if pd.notna(value)
        }
        if "auroc" not in entry:
            entry["skipped"] = str(by_metric["auroc"]["reason"])
        found.setdefault(str(task), {})[str(name)] = entry
    return found


def _check(params: EvaluateParams, variants: Sequence[str], *, restricted: bool) -> None:
    for needed in (BASELINE, STUDENT):
        if needed not in variants:
            raise InputError(
                f"params.yaml: distill.student.variants: expected {needed} among them, "
                f"found {', '.join(variants) or 'none'}"
            )
    params.expect_no_small_cells(restricted=restricted)


def _text(values: Values) -> str:
    lines = []
    for task in values.tasks:
        metric = values.metrics[task][0]
        told = []
        for name in (TEACHER, STUDENT, BASELINE):
            own = values.value(task, name, metric)
            told.append(f"{name} {'-' if own is None else f'{own.value:.3f}'}")
        lines.append(f"evaluate-students: {task} {metric}: {', '.join(told)}")
    return "\n".join(lines) or "evaluate-students: nothing was distilled"
