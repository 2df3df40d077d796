"""The page and its files, which ask no other host for anything.

The pictures of its examples were drawn by the synthetic source, of people outside any cohort.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from fusehr.serve.cases.case import ranges
from fusehr.serve.demo.png import data_url
from fusehr.serve.http.card import NOT_A_DEVICE
from fusehr.serve.predictors.contract import About

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
VITALS = {
    "heart_rate": "Heart rate",
    "respiratory_rate": "Respiratory rate",
    "spo2": "Oxygen saturation",
    "sbp": "Systolic pressure",
    "dbp": "Diastolic pressure",
    "temperature": "Temperature",
    "glucose": "Glucose",
    "gcs_total": "Glasgow coma scale",
}
FILES = files("fusehr.serve.demo")


def page(about: About, *, keyed: bool) -> str:
    """The page of the served model. keyed: it has a field for the key."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text("page.html.j2")).render(
        about=about,
        keyed=keyed,
        disclaimer=NOT_A_DEVICE,
        vitals=[(name, title, *ranges()[name]) for name, title in VITALS.items()],
        words=about.reads == ("text",),
        data={
            "task": about.task,
            "classes": list(about.classes),
            "examples": examples(about),
        },
    )


def examples(about: About) -> list[dict[str, Any]]:
    """Cases to click, their pictures as data URLs."""
    name = "words.json" if about.reads == ("text",) else "cases.json"
    found: list[dict[str, Any]] = json.loads(text(f"examples/{name}"))
    for one in found:
        if one["image"] is not None:
            one["image"] = data_url((FILES / "examples" / one["image"]).read_bytes())
    return found


def example_csv(about: About) -> str:
    """Rows to try the upload with."""
    return text(f"examples/{'words' if about.reads == ('text',) else 'cases'}.csv")


def text(name: str) -> str:
    """A file of this package."""
    return (FILES / name).read_text(encoding="utf-8")
