"""Cases written as the tables that training reads, so that the same code makes features of them.

A folder holds them as data/tables, data/embed, data/rag and data/train/images would. Beside the
cases it has one more sample, BLANK, with a single value: code that looks at all samples at once is
then never without any.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.schemas import (
    DRUGS,
    DYNAMIC,
    IMAGES,
    NOTES,
    SAMPLES,
    STATIC,
    VISITS,
    Table,
)
from fusehr.core.frame.tasks import Task
from fusehr.serve.cases.case import Case
from fusehr.tables.phenotypes import phenotypes_of

NOW = datetime(2150, 1, 1)  # the moment of every prediction: only differences are read
STEP = timedelta(microseconds=1)
BLANK = "blank"
EARLIER = 1000  # ids of earlier visits: more than a case may have


@dataclass(frozen=True)
class Ready:
    """A case whose images are decoded: uint8 (size, size), in the order of case.all_images."""

    case: Case
    pixels: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Written:
    """What is not in tables yet: notes (note_id, text), and images uint8 (n, size, size) by id."""

    notes: list[dict[str, Any]]
    image_ids: list[str]
    pixels: np.ndarray


def sample_id(row: int) -> str:
    """Of the case at `row`: ids sort as the cases stand."""
    return f"case-{row:08d}"


def write_tables(
    folder: Path, cases: Sequence[Ready], task: Task, *, window_hours: float | None
) -> Written:
    """Write samples, dynamic, notes, images, images.npy, drugs, visits and static into `folder`.

    window_hours: of the task's input; None where it is all since the visit began.
    """
    rows: dict[str, list[dict[str, Any]]] = {
        schema.name: [] for schema in (SAMPLES, DYNAMIC, NOTES, IMAGES, DRUGS, VISITS, STATIC)
    }
    pixels: list[np.ndarray] = []
    for row, ready in enumerate(cases):
        _add(rows, pixels, ready, row, task, window_hours)
    _add_blank(rows, len(cases), task)
    for schema in (SAMPLES, DYNAMIC, NOTES, IMAGES, DRUGS, VISITS, STATIC):
        write_rows(folder / f"{schema.name}.parquet", rows[schema.name], schema)
    size = pixels[0].shape if pixels else (1, 1)
    packed = np.array(pixels, np.uint8).reshape(-1, *size)
    np.save(folder / "images.npy", packed)
    return Written(rows["notes"], [row["image_id"] for row in rows["images"]], packed)


def task_samples(count: int, task: Task, classes: Sequence[str]) -> TaskSamples:
    """The samples of `count` cases, and BLANK behind them; labels are not known, and 0."""
    ids = [*(sample_id(row) for row in range(count)), BLANK]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": range(1, len(ids) + 1), "task": task})
    labels = np.zeros((len(ids), len(classes)), dtype=np.int8)
    return TaskSamples(task, frame, tuple(classes), labels, None)


def write_rows(path: Path, rows: Iterable[dict[str, Any]], schema: Table) -> None:
    """Rows as `schema` has them; whoever reads them checks them."""
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema.arrow()), path)


def _add(
    rows: dict[str, list[dict[str, Any]]],
    pixels: list[np.ndarray],
    ready: Ready,
    row: int,
    task: Task,
    window_hours: float | None,
) -> None:
    case, patient = ready.case, row + 1
    visit = patient * EARLIER
    of_visit = {"patient_id": patient, "visit_id": visit}
    since = since_hours(case)
    window = case.hours_in_window
    if window is None:
        window = window_hours if window_hours is not None else since
    rows["samples"].append(_sample(sample_id(row), of_visit, task, since, window))
    rows["static"].append(
        {
            **of_visit,
            "age": case.age,
            "sex": case.sex,
            "admission_type": case.admission_type,
            "available_time": NOW,
        }
    )
    events = case.all_events
    for k, event in enumerate(events):
        rows["dynamic"].append(
            {
                **of_visit,
                "event_time": _before(event.hours),
                "code": event.code,
                "value": event.value,
                # what stands later in the list was stored later
                "available_time": NOW - (len(events) - k) * STEP,
                "availability": "event",
            }
        )
    for k, note in enumerate(case.all_notes):
        rows["notes"].append(
            {
                **of_visit,
                "event_time": _before(note.hours),
                "code": note.kind,
                "text": note.text,
                "available_time": NOW,
                "note_id": f"{patient:08d}-{k:04d}",
                "text_sha256": hashlib.sha256(note.text.encode()).hexdigest(),
            }
        )
    for k, (picture, own) in enumerate(zip(case.all_images, ready.pixels, strict=True)):
        rows["images"].append(
            {
                **of_visit,
                "event_time": _before(picture.hours),
                "image_id": f"{patient:08d}-{k:04d}",
                "available_time": NOW,
                "image_sha256": hashlib.sha256(own.tobytes()).hexdigest(),
                "pixel_row": len(pixels),
            }
        )
        pixels.append(own)
    for order in case.drugs:
        rows["drugs"].append(
            {
                **of_visit,
                "event_time": _before(order.hours),
                "code": order.name.lower(),
                "available_time": _before(order.hours),
            }
        )
    _add_visits(rows, case, of_visit)


def _add_visits(
    rows: dict[str, list[dict[str, Any]]], case: Case, of_visit: dict[str, int]
) -> None:
    for k, one in enumerate(case.visits, 1):
        number = of_visit["visit_id"] + (0 if one.current else k)
        rows["visits"].append(
            {
                **of_visit,
                "visit_id": number,
                "admit_time": NOW,
                "discharge_time": NOW,
                "diagnoses": sorted(set(one.diagnoses)),
                "phenotypes": sorted({p for code in one.diagnoses for p in _phenotypes(code)}),
                "procedures": sorted(set(one.procedures)),
                "drugs": sorted({name.lower() for name in one.drugs}),
                "codes_available_time": NOW,
            }
        )


def _add_blank(rows: dict[str, list[dict[str, Any]]], count: int, task: Task) -> None:
    of_visit = {"patient_id": count + 1, "visit_id": (count + 1) * EARLIER}
    rows["samples"].append(_sample(BLANK, of_visit, task, 0.0, 0.0))
    rows["dynamic"].append(
        {
            **of_visit,
            "event_time": NOW,
            "code": "heart_rate",
            "value": 80.0,
            "available_time": NOW,
            "availability": "event",
        }
    )


def _sample(
    name: str, of_visit: dict[str, int], task: Task, since: float, window: float
) -> dict[str, Any]:
    return {
        **of_visit,
        "sample_id": name,
        "task": task,
        "index_time": NOW,
        "window_start": _before(window),
        "history_start": _before(since),
        "codes_through": NOW,
        "train_use": False,
    }


def since_hours(case: Case) -> float:
    """Hours since the visit began: as told, else everything belongs to it."""
    if case.hours_in_hospital is not None:
        return case.hours_in_hospital
    parts = (*case.events, *case.notes, *case.images, *case.drugs)
    return max((part.hours for part in parts), default=0.0)


def _before(hours: float) -> datetime:
    # to the second, as hospitals chart
    return NOW - timedelta(seconds=round(hours * 3600))


def _phenotypes(code: str) -> frozenset[str]:
    system, _, rest = code.partition("/")
    if not system.endswith("CM"):
        return frozenset()
    return phenotypes_of(rest, 9 if system == "ICD9CM" else 10)
