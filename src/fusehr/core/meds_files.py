"""Where the files of a MEDS dataset lie in data/raw, and what is to be made of them."""

from __future__ import annotations

from dataclasses import dataclass

FOLDER = "meds"
SETTINGS = "settings.json"
LABELS = "labels"


@dataclass(frozen=True)
class Settings:
    """What of `raw.meds` the conversion needs.

    labels: files below labels/ by `task`, or `task/class` where a task has several. The others: as
    in MedsParams.
    """

    labels: dict[str, list[str]]
    notes: dict[str, list[str]]
    long_text_characters: int
    long_text_kind: str
    visit_column: str | None
