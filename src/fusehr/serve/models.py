"""Models that can be used, by name, each read from what a stage wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.models.distilled.about import ABOUT
from fusehr.models.distilled.exported import ExportedStudent, Runtime, load_exported

STUDENTS = Path("data/distill/students/export")
# (root of the repository, task, runtime, threads) -> the model
Load = Callable[[Path, str, Runtime, int], ExportedStudent]


def load_model(
    root: Path, model: str, task: str, runtime: Runtime, *, threads: int
) -> ExportedStudent:
    """The model named `model` for `task`; InputError, which lists what there is, where none is."""
    if model not in MODELS:
        raise InputError(f"--model: expected one of {', '.join(MODELS)}, found {model!r}")
    return MODELS[model](root, task, runtime, threads)


def _student(root: Path, task: str, runtime: Runtime, threads: int) -> ExportedStudent:
    folder = root / STUDENTS
    there = sorted(path.parent.name for path in folder.glob(f"*/{ABOUT}"))
    if not there:
        raise InputError(
            f"{folder}: expected an exported student, found none; run `dvc repro distill-student`"
        )
    if task not in there:
        raise InputError(
            f"--task: expected one of {', '.join(there)}, found {task!r}; `distill.tasks` of "
            "params.yaml says for which tasks `dvc repro distill-student` trains students"
        )
    return load_exported(folder / task, runtime, threads=threads)


MODELS: Mapping[str, Load] = {"student": _student}
