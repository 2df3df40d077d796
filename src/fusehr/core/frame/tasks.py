"""The five tasks and their classes, named once."""

from __future__ import annotations

from typing import Literal, get_args

Task = Literal["mortality", "readmission", "deterioration", "next_diagnoses", "triage"]
TASKS: tuple[Task, ...] = get_args(Task)

TRIAGE_CLASSES = ("high", "medium", "low")

# Binary tasks have one class; `next_diagnoses` has the 25 CCS phenotypes, each a binary label.
POSITIVE = "positive"
