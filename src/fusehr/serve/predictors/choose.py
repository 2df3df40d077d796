"""From the name of a model to the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.models.distilled.about import ABOUT
from fusehr.models.distilled.exported import Runtime
from fusehr.serve.models import STUDENTS
from fusehr.serve.predictors.contract import Predictor

STUDENT, RECIPES = "student", ("triage_fusion", "fusehr")
NAMES = (*RECIPES, STUDENT)
USUAL_TASK = {"triage_fusion": "triage", "fusehr": "triage", STUDENT: "next_diagnoses"}


@dataclass(frozen=True)
class Choice:
    """Which model to load. task: None for the model's usual one; seed: None for the lowest.

    runtime, threads: of the student; a recipe computes in PyTorch, with as many threads.
    """

    model: str
    task: str | None = None
    seed: int | None = None
    runtime: Runtime = "onnx"
    threads: int = 1


def load_predictor(root: Path, choice: Choice) -> Predictor:
    """The model below `root`; InputError where there is none of that name, or it is not trained."""
    if choice.model not in NAMES:
        raise InputError(f"--model: expected one of {', '.join(NAMES)}, found {choice.model!r}")
    task = choice.task or USUAL_TASK[choice.model]
    if choice.model == STUDENT:
        from fusehr.serve.predictors.student import load_student

        return load_student(root, task, runtime=choice.runtime, threads=choice.threads)
    import torch

    from fusehr.serve.predictors import recipes

    torch.set_num_threads(choice.threads)
    load = {"triage_fusion": recipes.load_triage_fusion, "fusehr": recipes.load_fusehr}
    return load[choice.model](root, task, choice.seed)


def trained(root: Path) -> dict[str, list[str]]:
    """Models below `root` that can be loaded, with their tasks."""
    from fusehr.serve.predictors.results import trained_tasks

    found = {name: list(trained_tasks(root, name)) for name in RECIPES}
    found[STUDENT] = sorted(path.parent.name for path in (root / STUDENTS).glob(f"*/{ABOUT}"))
    return {name: tasks for name, tasks in found.items() if tasks}
