"""A source's visits, values, notes and candidates to the relations that the tables are made of.

To add a source of this kind, write one function that reads its files and one SQL file that makes:

source_visits (patient_id, visit_id, start_time, end_time, death_time, age, sex, admission_type,
    admission_location, discharge_location, period, fold): one row a visit. sex: F, M or U; period
    and fold: see contract.Relations. A table, which may have arrival_time too, where age and sex
    are known before the visit starts (in the emergency department).
source_values (patient_id, visit_id, event_time, available_time, availability, code, value, reason):
    in the variable's unit; reason: why the row is dropped, or null.
source_candidates (task, sample_id, patient_id, visit_id, stay_id, index_time, window_start,
    left_out, class, label_value): a row a class; stay_id where the visit is one of intensive care.

Notes go into the table source_notes, which is there: (note_id, patient_id, visit_id, event_time,
available_time, code, text, reason); images, whose pixels lie in shards (see pixels.py), into
source_images: (image_id, patient_id, visit_id, event_time, available_time, view). Horizons are made
of what the source has, see horizons.sql.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import Task
from fusehr.core.params.tables import TablesParams
from fusehr.tables.database import run_sql
from fusehr.tables.pixels import pack_images
from fusehr.tables.quality import Dropped, count_dropped

Read = Callable[[duckdb.DuckDBPyConnection, Path], None]


@dataclass(frozen=True)
class Events:
    """See contract.Relations. read: makes the source_... relations from the files in data/raw."""

    read: Read
    tasks: tuple[Task, ...] = ()
    counted: Mapping[str, str] = field(
        default_factory=lambda: {"patients": "persons", "visits": "source_visits"}
    )

    def build(
        self, con: duckdb.DuckDBPyConnection, raw: Path, folder: Path, params: TablesParams
    ) -> list[Dropped]:
        """Every relation; those of codes, drugs and of images outside the cohort are empty."""
        say("tables: visits, values, labels")
        run_sql(con, "events/filled.sql")
        self.read(con, raw)
        con.execute("ALTER TABLE source_visits ADD COLUMN IF NOT EXISTS arrival_time TIMESTAMP")
        run_sql(con, "events/images.sql")
        pack_images(con, raw, folder)
        for name in ("cohort", "horizons"):
            run_sql(con, f"events/{name}.sql")
        return [
            count_dropped(con, "values", "source_values"),
            count_dropped(con, "notes", "source_notes"),
        ]

    def time_events(self, con: duckdb.DuckDBPyConnection) -> None:
        """The source says itself when a value could be known, so nothing is fitted."""
        run_sql(con, "events/dynamic.sql")
