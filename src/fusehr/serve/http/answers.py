"""What the service answers, in the form that its OpenAPI document shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel

from fusehr.serve.cases.case import Case
from fusehr.serve.predictors.contract import About, Predictor

# Parts of a case, and what a model calls that which is made of them.
PARTS: dict[str, frozenset[str]] = {
    "age": frozenset({"codes"}),
    "admission_type": frozenset({"codes"}),
    "vitals": frozenset({"series", "indicators"}),
    "events": frozenset({"series", "indicators"}),
    "complaint": frozenset({"notes"}),
    "text": frozenset({"notes", "findings", "text"}),
    "notes": frozenset({"notes", "findings"}),
    "image": frozenset({"images"}),
    "images": frozenset({"images"}),
    "drugs": frozenset({"relations", "summary"}),
    "visits": frozenset({"codes", "relations", "summary"}),
}


class Prediction(BaseModel):
    """probabilities: as the model gives them; calibrated: recalibrated on validation patients.

    predicted: the likeliest of exclusive classes. not_read: parts of the case that this model does
    not look at.
    """

    model: str
    task: str
    probabilities: dict[str, float]
    calibrated: dict[str, float] | None
    predicted: str | None
    not_read: list[str]


class Problem(BaseModel):
    """Why a request is not answered."""

    error: str


class Variable(BaseModel):
    """A measurement that a case may have; low, high: its plausible range."""

    name: str
    unit: str
    low: float
    high: float


class Model(BaseModel):
    """A trained model and its tasks; loaded: the one that is served, with its task and classes."""

    model: str
    tasks: list[str]
    loaded: bool
    task: str | None = None
    classes: list[str] | None = None
    reads: list[str] | None = None


class Health(BaseModel):
    """Whether the service answers, and how many cases wait."""

    status: str
    model: str
    task: str
    waiting: int


def prediction(predictor: Predictor, case: Case, p: np.ndarray) -> Prediction:
    """The answer to `case`; p (n_classes,)."""
    about = predictor.about
    fitted = predictor.recalibration.apply(p[None])
    return Prediction(
        model=about.model,
        task=about.task,
        probabilities=_named(about, p),
        calibrated=None if fitted is None else _named(about, fitted[0]),
        predicted=about.classes[int(p.argmax())] if about.exclusive else None,
        not_read=not_read(about, case),
    )


def not_read(about: About, case: Case) -> list[str]:
    """Parts that `case` has and the model does not see."""
    told: dict[str, Any] = {name: getattr(case, name) for name in PARTS}
    given = [name for name, value in told.items() if value is not None and value not in ([], {})]
    return [name for name in given if not PARTS[name] & set(about.reads)]


def _named(about: About, p: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(about.classes, p, strict=True)}
