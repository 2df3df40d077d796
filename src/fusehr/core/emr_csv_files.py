"""How the stage `raw` leaves cases in MediLLM's form in data/raw: typed, beside image shards."""

from __future__ import annotations

from dataclasses import dataclass

from fusehr.core.frame.schemas import FLOAT, INT, TEXT, TIME, Column, Table
from fusehr.core.frame.tasks import Task

FOLDER = "emr_csv"
SETTINGS = "settings.json"

CASES = Table(
    "cases",
    (
        Column("row", INT, doc="number in the file, the header being 1"),
        Column("patient_id", INT, doc="of patients who share an image the lowest"),
        Column("time", TIME),
        Column("age", FLOAT, null=True),
        Column("sex", TEXT, null=True),
        Column("text", TEXT, null=True),
        Column("image_id", TEXT, null=True, doc="its name in cxr/images-*.tar"),
        Column("view", TEXT, null=True, doc="of the image"),
        Column("class", TEXT, doc="of the label; negative, where a binary task has none"),
    ),
    sort=("row",),
    unique=("row",),
)


@dataclass(frozen=True)
class Settings:
    """What of `raw.emr_csv` the conversion needs. classes: those that are predicted."""

    task: Task
    classes: list[str]
    note_kind: str
