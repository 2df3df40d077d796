"""MIMIC's files to the relations that the tables are made of.

Synthetic, demo and full MIMIC-IV are the same files; MIMIC-III's become views that look like them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import TASKS, Task
from fusehr.core.params.tables import TablesParams
from fusehr.tables.database import run_sql
from fusehr.tables.mimic4.files import attach_views
from fusehr.tables.phenotypes import phenotype_prefixes, phenotypes_query
from fusehr.tables.pixels import pack_images
from fusehr.tables.quality import Dropped, count_dropped, stop_at_unknown_units

HERE = Path(__file__).parent
TASK_FILES = (
    *("mortality", "readmission", "deterioration", "next_diagnoses", "triage"),
    "candidates",
)


def attach_mimic4(con: duckdb.DuckDBPyConnection, raw: Path, _: TablesParams) -> None:
    """Create MIMIC-IV's views and the table `items`."""
    attach_views(con, raw)
    con.execute("CREATE TABLE items AS SELECT * FROM read_csv(?)", [str(HERE / "items.csv")])


def nothing_left_out(_: duckdb.DuckDBPyConnection) -> list[Dropped]:
    """The views leave nothing out."""
    return []


@dataclass(frozen=True)
class Mimic:
    """See contract.Relations.

    attach: creates MIMIC-IV's views and `items`; left_out: what the views leave out.
    """

    attach: Callable[[duckdb.DuckDBPyConnection, Path, TablesParams], None] = attach_mimic4
    left_out: Callable[[duckdb.DuckDBPyConnection], list[Dropped]] = nothing_left_out

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The five."""
        return TASKS

    @property
    def counted(self) -> Mapping[str, str]:
        """By the files' own tables."""
        return {
            "patients": "patients",
            "admissions": "admissions",
            "icu_stays": "icustays",
            "ed_stays": "edstays",
        }

    def build(
        self, con: duckdb.DuckDBPyConnection, raw: Path, folder: Path, params: TablesParams
    ) -> list[Dropped]:
        """Visits, stays, codes, values, notes, images, candidates of the five tasks."""
        self.attach(con, raw, params)
        con.register("prefixes", phenotype_prefixes())
        con.execute("CREATE TABLE phenotype_prefixes AS FROM prefixes")

        say("tables: visits, stays, codes")
        for name in ("01_admissions", "02_stays", "03_ed", "04_static"):
            run_sql(con, f"mimic4/{name}.sql")
        run_sql(con, "mimic4/05_codes.sql", phenotypes_sql=phenotypes_query())
        run_sql(con, "mimic4/06_supports.sql")
        say("tables: charted and laboratory values")
        run_sql(con, "mimic4/07_events.sql")
        run_sql(con, "mimic4/08_notes.sql")
        run_sql(con, "mimic4/own_notes.sql")
        say("tables: chest images")
        pack_images(con, raw, folder)
        run_sql(con, "mimic4/09_images.sql")
        stop_at_unknown_units(con)
        dropped = _count_all(con) + self.left_out(con)
        own_notes = count_dropped(con, "note/own_notes", "own_note_rows")
        dropped += [own_notes] if own_notes.rows else []

        say("tables: samples and labels of five tasks")
        for name in TASK_FILES:
            run_sql(con, f"mimic4/tasks/{name}.sql")
        run_sql(con, "mimic4/persons.sql")
        return dropped

    def time_events(self, con: duckdb.DuckDBPyConnection) -> None:
        """Availability by the item's median lag, which train patients alone tell."""
        run_sql(con, "mimic4/10_dynamic.sql")


def _count_all(con: duckdb.DuckDBPyConnection) -> list[Dropped]:
    counted = [
        count_dropped(con, "hosp/admissions", "admissions_marked"),
        count_dropped(con, "icu/icustays", "icustays_marked"),
        count_dropped(con, "ed/edstays", "edstays_marked"),
        count_dropped(con, "hosp/prescriptions", "prescriptions_marked"),
        count_dropped(con, "notes", "note_rows"),
        count_dropped(con, "supports", "support_rows"),
    ]
    for table in ("chartevents", "labevents"):
        marked = f"(FROM value_rows JOIN used_items USING (item) WHERE source = '{table}')"
        part = "icu" if table == "chartevents" else "hosp"
        counted.append(count_dropped(con, f"{part}/{table}", marked, copies=True))
    for table in ("triage", "vitalsign"):
        marked = f"(FROM ed_rows WHERE source = 'ed_{table}')"
        counted.append(count_dropped(con, f"ed/{table}", marked, copies=True))
    return counted
