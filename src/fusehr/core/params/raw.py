"""Parameters of the block `raw`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import frozen
from fusehr.core.frame.tasks import TRIAGE_CLASSES, Task, base

Share = Annotated[float, Field(ge=0, le=1)]

Knob = Annotated[float, Field(ge=0, le=4)]

# Names of kinds of notes.
KIND = r"^[a-z][a-z0-9_]*$"
NoteKind = Annotated[str, Field(pattern=KIND)]

# Credentialed data: its outputs go to a remote of their own, and small cells are hidden.
RESTRICTED = frozenset({"mimic3", "mimic4"})


@frozen
class SignalParams:
    """How much of each modality's part of the risk is left: 1 as designed, 0 removes it."""

    severity: Knob
    notes: Knob
    image: Knob
    graph: Knob


@frozen
class ChestImageParams:
    """Block `raw.synthetic.images`."""

    # pixels on each side
    size: Annotated[int, Field(ge=16, le=1024)]
    # images with noisy finding labels, of people outside the cohort
    pool: Annotated[int, Field(ge=0, le=1_000_000)]


@frozen
class SyntheticParams:
    """Block `raw.synthetic`."""

    patients: Annotated[int, Field(ge=1, le=10_000_000)]
    seed: Annotated[int, Field(ge=0)]
    long_stay_share: Share
    dirty_share: Annotated[float, Field(ge=0, le=0.2)]
    signal: SignalParams
    images: ChestImageParams


@frozen
class Mimic4DemoParams:
    """Block `raw.mimic4_demo`."""

    verify: bool
    url: str


@frozen
class Mimic4Params:
    """Block `raw.mimic4`."""

    version: str
    parts: list[Literal["hosp", "icu", "ed", "note", "cxr"]]


@frozen
class Mimic3Params:
    """Block `raw.mimic3`."""

    version: str
    # NOTEEVENTS too
    notes: bool


@frozen
class NotesFileParams:
    """Block `raw.notes_file`, where it is not null."""

    path: Annotated[str, Field(min_length=1)]
    # of notes whose row names none
    kind: NoteKind


@frozen
class OneEhrParams:
    """Block `raw.oneehr`."""

    restricted: bool
    labels: Annotated[list[str], Field(min_length=1)]
    tasks: dict[Task, str]
    # variable: its code, with _ for blanks, and what takes its values to the variable's unit
    variables: dict[str, tuple[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]]]


@frozen
class MedsParams:
    """Block `raw.meds`."""

    restricted: bool
    # task: its label file or folder below labels/, without ending
    tasks: dict[Task, str]
    # kind of note: its codes, in which * stands for any characters
    notes: dict[NoteKind, list[str]]
    # characters from which the text of another code is a note too, of that kind; 0: never
    long_text_characters: Annotated[int, Field(ge=0)]
    long_text_kind: NoteKind
    visit_column: str | None


@frozen
class FlatParams:
    """Block `raw.flat`. Columns are named as the file's first row has them."""

    restricted: bool
    label: str
    # value of `label` that is positive; null: 0 and 1 are, else each value is a class
    positive: str | None
    task: Task
    text: str | None
    note_kind: NoteKind
    id: str | None
    time: str | None
    age: str | None
    sex: str | None
    # variable: its column; others keep their own name
    variables: dict[str, str]
    # a column of words with more different ones is left out
    most_categories: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _each_column_once(self) -> Self:
        given = (self.label, self.text, self.id, self.time, self.age, self.sex)
        named = [*(column for column in given if column), *self.variables.values()]
        if twice := sorted({column for column in named if named.count(column) > 1}):
            raise ValueError(f"expected each column once, found {twice[0]} twice")
        return self


# What the two classes of a task other than triage are called in `raw.emr_csv.levels`.
YES_NO = ("positive", "negative")


@frozen
class EmrCsvParams:
    """Block `raw.emr_csv`. Columns are named as the file's first row has them."""

    restricted: bool
    file: Annotated[str, Field(min_length=1)]
    task: Task
    label: str
    # value of `label`: its class; without any, values are the classes' own names
    levels: dict[str, str]
    id: str
    image: str | None
    text: str | None
    note_kind: NoteKind
    time: str | None
    age: str | None
    sex: str | None
    view: str | None
    # pixels on each side of an image as it is kept
    size: Annotated[int, Field(ge=16, le=1024)]

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that `levels` may name."""
        return TRIAGE_CLASSES if base(self.task) == "triage" else YES_NO

    @model_validator(mode="after")
    def _each_column_once(self) -> Self:
        named = [self.label, self.id]
        named += [
            column
            for column in (self.image, self.text, self.time, self.age, self.sex, self.view)
            if column
        ]
        if twice := sorted({column for column in named if named.count(column) > 1}):
            raise ValueError(f"expected each column once, found {twice[0]} twice")
        return self

    @model_validator(mode="after")
    def _an_input(self) -> Self:
        if self.image is None and self.text is None:
            raise ValueError("expected a column of images or of text, found neither")
        return self

    @model_validator(mode="after")
    def _levels_are_classes(self) -> Self:
        for value, name in self.levels.items():
            if name not in self.classes:
                raise ValueError(
                    f"levels.{value}: expected one of {', '.join(self.classes)}, as the task is "
                    f"{self.task}; found {name}"
                )
        return self


ChallengeSets = Annotated[list[Literal["a", "b", "c"]], Field(min_length=1)]


@frozen
class Physionet2012Params:
    """Block `raw.physionet2012`."""

    url: str
    # sets whose patients train and validate, and sets whose patients test
    train: ChallengeSets
    test: ChallengeSets

    @model_validator(mode="after")
    def _each_set_once(self) -> Self:
        named = [*self.train, *self.test]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"expected each set once, in train or in test, found {twice[0]} twice")
        return self


# What `raw.source` chooses from, and the class of the block of that name.
SOURCES: dict[str, Any] = {
    "synthetic": SyntheticParams,
    "mimic4_demo": Mimic4DemoParams,
    "mimic4": Mimic4Params,
    "mimic3": Mimic3Params,
    "physionet2012": Physionet2012Params,
    "oneehr": OneEhrParams,
    "meds": MedsParams,
    "flat": FlatParams,
    "emr_csv": EmrCsvParams,
}


def expect_source(source: str) -> None:
    """InputError where `source` is none of SOURCES."""
    if source not in SOURCES:
        raise InputError(
            f"params.yaml: raw.source: expected one of {', '.join(SOURCES)}, found {source}"
        )
