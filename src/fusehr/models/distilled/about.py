"""What an exported student says of itself, so that it can be served from its folder alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, write_json
from fusehr.core.frame.params import frozen, validate
from fusehr.core.frame.tasks import Task
from fusehr.models.distilled.tokens import Around

ABOUT, ONNX, INT8 = "about.json", "model.onnx", "model.int8.onnx"


@frozen
class Class:
    """A class: the name that tables have, and the title that people read."""

    name: str
    title: str


@frozen
class Exported:
    """A student of `task`.

    classes: in the order of the logits; exclusive: whether a text has exactly one of them;
    max_tokens: of a text with the token ids around it; variant, alpha, temperature, seed,
    split_sha: how it was trained and on which split; teacher: its teacher's name, no folder;
    metrics: on validation samples.
    """

    task: Task
    classes: Annotated[list[Class], Field(min_length=1)]
    exclusive: bool
    max_tokens: Annotated[int, Field(ge=1)]
    around: Around
    variant: str
    alpha: float
    temperature: float
    seed: int
    split_sha: str
    teacher: str
    metrics: dict[str, float]

    @property
    def names(self) -> list[str]:
        """Names of the classes."""
        return [one.name for one in self.classes]


def write_about(folder: Path, about: Exported) -> None:
    """Write about.json."""
    write_json(folder / ABOUT, dataclasses.asdict(about))  # type: ignore[call-overload]


def read_about(folder: Path) -> Exported:
    """What `write_about` wrote; InputError where it is missing or not as declared."""
    path = folder / ABOUT
    about = validate(read_json(path), Exported, "student", file=str(path))
    if len(set(about.names)) < len(about.names):
        raise InputError(f"{path}: student.classes: expected each name once")
    return about
