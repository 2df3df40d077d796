"""The tables of students as a page to read: plots/students.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fusehr.core.params.distill import BASELINE, STUDENT
from fusehr.evaluate.figures.style import TITLES as TASK_TITLES
from fusehr.evaluate.students.claims import TITLES, claims, interval
from fusehr.evaluate.students.gaps import FROM_CHANCE, KEPT, MINUS, SHARE
from fusehr.evaluate.students.names import COPY, TEACHER
from fusehr.evaluate.students.new_onset import NEW_ONSET

Row = Mapping[Any, Any]

MISSING = "-"
TITLE = f"""# What distillation is worth

A teacher, and students of one size trained for the same number of steps, all scored on the same
test patients. `{BASELINE}` learns from the recorded labels alone, `logits` also from the teacher's
soft labels, `attention` from where the teacher looks, `full` from both; `_unlabelled`: visits
without a next one enter too, by soft labels. Controls: `smoothed` has label smoothing in the place
of a teacher, `permuted` the soft labels of other patients. `{COPY}` copies the diagnoses of the
visit just ended. `{STUDENT}` is the student that is served.
"""
NOTES = f"""Values in brackets are 95 % intervals over patients. Gap: {TEACHER} less {BASELINE}; the
share of it that a student closes is 0 at {BASELINE} and 1 at the teacher. Kept: the share of the
teacher's distance from an AUROC of 0.5. An end of a share's interval is a dash where so many
draws have no gap that it cannot be told. p-values are two-sided and not adjusted for the number of
comparisons; all comparisons stand in students_paired.csv.
"""
ONSETS = f"""AUROC of new onsets takes each class on the samples that did not have it coded in any
visit up to the index, where `{COPY}` says the same of all and is at 0.5; n is the test fold's, of
which each class has its part.
"""


def page(students: pd.DataFrame, paired: pd.DataFrame) -> str:
    """Markdown from the tables of gaps.py."""
    tasks = list(dict.fromkeys(students["task"]))
    sections = [_section(students[students["task"] == task], paired, task) for task in tasks]
    notes = [NOTES, ONSETS] if NEW_ONSET in set(students["metric"]) else [NOTES]
    return "\n".join([TITLE, *sections, *notes])


def _section(students: pd.DataFrame, paired: pd.DataFrame, task: str) -> str:
    parts = [f"## {TASK_TITLES.get(task, task)}", ""]
    scored = students[students["value"].notna()]
    if scored.empty:
        (reason, *_) = students["reason"]
        return "\n".join([*parts, f"Not scored: {reason}.", ""])
    parts += [_about(scored), ""]
    for metric in dict.fromkeys(scored["metric"]):
        parts += [*_table(students[students["metric"] == metric], str(metric)), ""]
    absent = students[students["value"].isna()]
    parts += [
        f"- No {TITLES[row['metric']]} of {row['student']}: {row['reason']}."
        for row in absent.to_dict("records")
    ]
    parts += [""] if len(absent) else []
    return "\n".join([*parts, *claims(students, paired, task), ""])


def _about(scored: pd.DataFrame) -> str:
    row = scored.iloc[0]
    seeds = dict.fromkeys(scored["seeds"])
    return (
        f"{row['n']:,} test samples of {row['n_patients']:,} patients; {row['draws']:,} draws of "
        f"the patient-cluster bootstrap; training seeds {' / '.join(seeds)}, averaged over."
    )


def _table(rows: pd.DataFrame, metric: str) -> list[str]:
    head = ["student", TITLES[metric], f"less {BASELINE}", "share of the gap"]
    head += ["kept of the teacher's"] if metric in FROM_CHANCE else []
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows.to_dict("records"):
        cells = [_cell(row, "value", ("low", "high")), _cell(row, MINUS, signed=True)]
        cells += [_cell(row, SHARE, share=True)]
        cells += [_cell(row, KEPT, share=True)] if metric in FROM_CHANCE else []
        lines.append(f"| {row['student']} | {' | '.join(cells)} |")
    return lines


def _cell(row: Row, name: str, ends: tuple[str, str] | None = None, **form: bool) -> str:
    return MISSING if pd.isna(row[name]) else interval(row, name, ends, **form)
