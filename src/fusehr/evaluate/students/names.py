"""Who is compared, and where their predictions and scores lie below the root."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.params.distill import STUDENT

TEACHER = "teacher"
# The trivial baseline, which is a recipe of the room `train`, and its task: the one in which a
# class can be new to a patient.
COPY = "previous_diagnoses"
DIAGNOSES = "next_diagnoses"

EVALUATED = Path("data/evaluate")
STUDENTS = "students"

# The two that stand on the leaderboard, under the names that they have there.
ON_BOARD = {TEACHER: "ckd_teacher", STUDENT: "ckd_student"}


def scored_as(name: str) -> str:
    """Folder of a student's (or the teacher's, or the copy's) scores below data/evaluate."""
    if name == COPY:
        return COPY
    return ON_BOARD.get(name, f"{STUDENTS}/{name}")


def predicted_in(name: str) -> Path:
    """Folder of the predictions."""
    if name == COPY:
        return Path("data/train") / COPY
    distilled = Path("data/distill")
    return distilled / TEACHER if name == TEACHER else distilled / STUDENTS / name
