"""One case as a caller tells it: checked field by field, with limits on everything that can grow.

Times are hours before the moment of prediction. A triage case is vitals, a complaint, a text and an
image; everything else is the long form. Messages of a failed check never repeat what was sent.
"""

from __future__ import annotations

import base64
import binascii
import csv
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from fusehr.core.params.embed import NoteKind

ACTS = ("vasopressor/start", "vasopressor/end", "ventilation/start", "ventilation/end")
CULTURES = ("culture/taken", "culture/positive")
TEXT_LENGTH = 100_000  # characters of one text: twenty times a long discharge summary
IMAGE_BYTES = 8 << 20
YEARS_IN_HOURS = 130 * 366 * 24.0

Hours = Annotated[float, Field(ge=0, le=YEARS_IN_HOURS, description="hours before the prediction")]


def _shown(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("empty_text", "expected a text, found an empty one")
    if "\x00" in text:
        raise PydanticCustomError("null_in_text", "expected a text without null characters")
    return text


def _bytes(value: Any) -> Any:
    """Base64, with or without the head of a data URL, as bytes."""
    if not isinstance(value, str):
        return value
    head, comma, rest = value.partition(",")
    if comma and head.startswith("data:"):
        value = rest
    if len(value) > IMAGE_BYTES * 4 // 3 + 4:
        raise PydanticCustomError(
            "image_size", "expected at most {most} bytes", {"most": IMAGE_BYTES}
        )
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("base64", "expected an image in base64") from None


Text = Annotated[
    str, StringConstraints(min_length=1, max_length=TEXT_LENGTH), AfterValidator(_shown)
]
ImageBytes = Annotated[
    bytes,
    BeforeValidator(_bytes, json_schema_input_type=str),
    Field(min_length=1, max_length=IMAGE_BYTES, description="PNG or JPEG, in base64"),
]
IcdCode = Annotated[str, StringConstraints(pattern=r"^ICD(9|10)(CM|PCS)/[0-9A-Z]{2,7}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_shown)]


class Strict(BaseModel):
    """Unknown fields, other types, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Event(Strict):
    """A measurement, or an act such as vasopressor/start, which has no value.

    Of two at the same time the later one in the list counts as known later.
    """

    code: Annotated[str, Field(max_length=64, examples=["heart_rate"])]
    value: float | None = None
    hours: Hours = 0.0

    @model_validator(mode="after")
    def _known_and_possible(self) -> Event:
        if self.code in ACTS or self.code in CULTURES:
            return self
        check_value(self.code, self.value)
        return self


class Note(Strict):
    """A note of one kind."""

    kind: NoteKind
    text: Text
    hours: Hours = 0.0


class Picture(Strict):
    """A chest image."""

    data: ImageBytes
    hours: Hours = 0.0


class Order(Strict):
    """A drug ordered in this visit, by its name."""

    name: Name
    hours: Hours = 0.0


class Visit(Strict):
    """What was billed of a visit. current: of the one that the prediction is made at the end of."""

    diagnoses: Annotated[list[IcdCode], Field(max_length=500)] = []
    procedures: Annotated[list[IcdCode], Field(max_length=500)] = []
    drugs: Annotated[list[Name], Field(max_length=1000)] = []
    current: bool = False


class Case(Strict):
    """A patient at the moment of a prediction; what a model does not read is left alone.

    text: a nurse's or doctor's note, or, for the student, the visit in words. hours_in_hospital:
    since this visit began; what is older belongs to earlier visits (without it, everything is of
    this visit). hours_in_window: since the input window began; values before it are not read.
    admission_type: as the source of the training data calls it.
    """

    age: Annotated[float | None, Field(ge=0, le=120, description="years")] = None
    sex: Literal["F", "M", "U"] = "U"
    admission_type: Annotated[Name | None, Field(examples=["EW EMER."])] = None
    vitals: Annotated[
        dict[str, float],
        Field(max_length=64, description="values now, by name of a variable"),
    ] = {}
    complaint: Text | None = None
    text: Text | None = None
    image: ImageBytes | None = None
    events: Annotated[list[Event], Field(max_length=20_000)] = []
    notes: Annotated[list[Note], Field(max_length=500)] = []
    images: Annotated[list[Picture], Field(max_length=32)] = []
    drugs: Annotated[list[Order], Field(max_length=1000)] = []
    visits: Annotated[list[Visit], Field(max_length=200)] = []
    hours_in_hospital: Hours | None = None
    hours_in_window: Hours | None = None

    @field_validator("vitals")
    @classmethod
    def _vitals_are_possible(cls, vitals: dict[str, float]) -> dict[str, float]:
        for name, value in vitals.items():
            check_value(name, value)
        return vitals

    @model_validator(mode="after")
    def _tells_something(self) -> Case:
        told = (self.vitals, self.complaint, self.text, self.image, self.events, self.notes)
        if not any((*told, self.images, self.drugs, self.visits)):
            raise PydanticCustomError(
                "empty_case",
                "expected vitals, a text, an image, events, notes, drugs or visits, found none",
            )
        return self

    @model_validator(mode="after")
    def _one_visit_is_the_current(self) -> Case:
        if sum(visit.current for visit in self.visits) > 1:
            raise PydanticCustomError("current_visits", "expected one current visit at most")
        return self

    @property
    def all_events(self) -> list[Event]:
        """Events, then vitals as of now."""
        return [*self.events, *(Event(code=c, value=v) for c, v in self.vitals.items())]

    @property
    def all_notes(self) -> list[Note]:
        """Notes, then complaint and text as of now."""
        found = list(self.notes)
        if self.complaint is not None:
            found.append(Note(kind="complaint", text=self.complaint))
        if self.text is not None:
            found.append(Note(kind="triage_nursing", text=self.text))
        return found

    @property
    def all_images(self) -> list[Picture]:
        """Images, then the one as of now."""
        return [*self.images, *([Picture(data=self.image)] if self.image is not None else [])]


@cache
def ranges() -> dict[str, tuple[float, float, str]]:
    """Of each variable of variables.csv: lowest and highest plausible value, and the unit."""
    text = (resources.files("fusehr.tables") / "variables.csv").read_text(encoding="utf-8")
    return {
        row["name"]: (float(row["low"]), float(row["high"]), row["unit"])
        for row in csv.DictReader(text.splitlines())
    }


def check_value(name: str, value: float | None) -> None:
    """Raise a validation error unless `name` is a variable and `value` a plausible one of it."""
    if name not in ranges():
        raise PydanticCustomError(
            "unknown_variable", "expected the name of a variable: GET /variables lists them"
        )
    low, high, unit = ranges()[name]
    if value is None or not low <= value <= high:
        raise PydanticCustomError(
            "implausible_value",
            "{name}: expected {low} to {high} {unit}",
            {"name": name, "low": f"{low:g}", "high": f"{high:g}", "unit": unit},
        )
