"""The tasks and their classes, named once.

The five below are MIMIC's. A source of its own may have others, named as its labels are, and
`tables.horizons` makes more of one: `mortality@day0` is mortality as told at another time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, TypeVar

from pydantic import StringConstraints

from fusehr.core.frame.errors import InputError

V = TypeVar("V")

PATTERN = "[a-z][a-z0-9_]*(@[a-z0-9_]+)?"
Task = Annotated[str, StringConstraints(pattern=f"^{PATTERN}$")]
TASKS: tuple[Task, ...] = (
    "mortality",
    "readmission",
    "deterioration",
    "next_diagnoses",
    "triage",
)

TRIAGE_CLASSES = ("high", "medium", "low")

# Binary tasks have one class; `next_diagnoses` has the 25 CCS phenotypes, each a binary label.
POSITIVE = "positive"

# In a parameter that has a value for each task: for tasks that it does not name.
OTHER = "other"


def base(task: Task) -> Task:
    """The task that `task` is a horizon of, else itself."""
    return task.partition("@")[0]


def in_order(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Each of `tasks` once: MIMIC's in their order, then others by name; horizons after theirs."""
    known = {task: number for number, task in enumerate(TASKS)}
    found = {str(task) for task in tasks}
    return tuple(sorted(found, key=lambda task: (known.get(base(task), len(known)), task)))


class ByTask(dict[Task, V]):
    """A value for each task; for those not named what `of_task` gives."""

    def __init__(self, values: Mapping[Task, V], parameter: str) -> None:
        super().__init__(values)
        self._parameter = parameter

    def __missing__(self, task: Task) -> V:
        return of_task(self, task, self._parameter)


def of_task(values: Mapping[Task, V], task: Task, parameter: str) -> V:
    """The value for `task`: its own, else that of the task it is a horizon of, else `other`'s.

    Raises InputError, naming `parameter`, where there is none.
    """
    for name in (task, base(task), OTHER):
        if name in values:
            return values[name]
    raise InputError(f"params.yaml: {parameter}: expected a value for {task}, found none")
