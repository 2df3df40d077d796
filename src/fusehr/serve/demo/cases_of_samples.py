"""Samples of a run as the cases that a caller of the service would send, through the gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from fusehr.core.frame.schemas import SAMPLES
from fusehr.core.gate.availability import (
    attach_codes,
    attach_drugs,
    attach_events,
    attach_images,
    attach_notes,
    open_tables,
)
from fusehr.serve.cases.case import Case, Event, Note, Order, Picture, Visit
from fusehr.serve.demo.png import grey_png

TABLES = ("samples", "dynamic", "notes", "visits", "static", "images", "drugs")
KINDS = {"diagnosis": "diagnoses", "procedure": "procedures", "drug": "drugs"}
# The gate joins what it is given: with the asked samples alone it has the less to read.
ASKED = "CREATE TEMP TABLE asked AS SELECT * FROM samples WHERE list_contains($samples, sample_id)"
SAMPLE = """
SELECT
    date_diff('second', history_start, index_time) / 3600.0,
    date_diff('second', window_start, index_time) / 3600.0,
    static.age,
    static.sex,
    static.admission_type,
    static.available_time <= samples.index_time
FROM samples LEFT JOIN static USING (visit_id)
WHERE sample_id = $sample
"""
EVENTS = """
SELECT code, value, hours_before_index FROM sample_events WHERE sample_id = $sample
ORDER BY event_time, available_time, value, code
"""
NOTES = """
SELECT sample_notes.code, text, hours_before_index FROM sample_notes JOIN notes USING (note_id)
WHERE sample_id = $sample ORDER BY note_id
"""
IMAGES = """
SELECT pixel_row, hours_before_index FROM sample_images
WHERE sample_id = $sample AND pixel_row IS NOT NULL ORDER BY image_id
"""
DRUGS = """
SELECT code, hours_before_index FROM sample_drugs WHERE sample_id = $sample AND current_visit
"""
CODES = """
SELECT visit_id, current_visit, kind, code FROM sample_codes WHERE sample_id = $sample ORDER BY ALL
"""


def cases_of(root: Path, task: str, samples: Sequence[str]) -> list[Case]:
    """What the availability gate lets each of `samples`, all of `task`, see."""
    tables = root / "data/tables"
    pixels = np.load(tables / "images.npy", mmap_mode="r")
    with open_tables(tables, TABLES, threads=1) as con:
        con.execute(ASKED, {"samples": list(samples)})
        con.execute(f"CREATE OR REPLACE VIEW {SAMPLES.name} AS FROM asked")
        for attach in (attach_events, attach_codes, attach_notes, attach_images, attach_drugs):
            attach(con, task)
        return [_case(con, sample, pixels) for sample in samples]


def _case(con: duckdb.DuckDBPyConnection, sample: str, pixels: np.ndarray) -> Case:
    def rows(query: str) -> list[Any]:
        return con.execute(query, {"sample": sample}).fetchall()

    ((since, window, age, sex, admission, known),) = rows(SAMPLE)
    return Case(
        age=age if known else None,
        sex=sex if known else "U",
        admission_type=admission if known else None,
        events=[Event(code=c, value=v, hours=h) for c, v, h in rows(EVENTS)],
        notes=[Note(kind=kind, text=text, hours=h) for kind, text, h in rows(NOTES)],
        images=[Picture(data=grey_png(pixels[row]), hours=h) for row, h in rows(IMAGES)],
        drugs=[Order(name=name, hours=h) for name, h in rows(DRUGS)],
        visits=_visits(rows(CODES)),
        hours_in_hospital=since,
        hours_in_window=window,
    )


def _visits(rows: Sequence[Any]) -> list[Visit]:
    told: dict[int, dict[str, Any]] = {}
    for visit, current, kind, code in rows:
        one = told.setdefault(visit, {"current": current})
        if kind in KINDS:  # phenotypes follow from diagnoses
            one.setdefault(KINDS[kind], []).append(code)
    return [Visit(**one) for one in told.values()]
