"""MIMIC-IV's files (synthetic, demo, full) to the relations that the tables are made of."""

from __future__ import annotations

from collections.abc import Mapping
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


class Mimic4:
    """See contract.Relations."""

    tasks: tuple[Task, ...] = TASKS
    counted: Mapping[str, str] = {
        "patients": "patients",
        "admissions": "admissions",
        "icu_stays": "icustays",
        "ed_stays": "edstays",
    }

    def build(
        self, con: duckdb.DuckDBPyConnection, raw: Path, folder: Path, params: TablesParams
    ) -> list[Dropped]:
        """Visits, stays, codes, values, notes, images, candidates of the five tasks."""
        attach_views(con, raw)
        con.execute("CREATE TABLE items AS SELECT * FROM read_csv(?)", [str(HERE / "items.csv")])
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
        say("tables: chest images")
        pack_images(con, raw, folder)
        run_sql(con, "mimic4/09_images.sql")
        stop_at_unknown_units(con)
        dropped = _count_all(con)

        say("tables: samples and labels of five tasks")
        con.execute("CREATE TABLE horizons (name VARCHAR, hours INTEGER)")
        if params.horizons:
            con.executemany("INSERT INTO horizons VALUES (?, ?)", list(params.horizons.items()))
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
        marked = f"(FROM value_rows WHERE source = '{table}')"
        part = "icu" if table == "chartevents" else "hosp"
        counted.append(count_dropped(con, f"{part}/{table}", marked, copies=True))
    for table in ("triage", "vitalsign"):
        marked = f"(FROM ed_rows WHERE source = 'ed_{table}')"
        counted.append(count_dropped(con, f"ed/{table}", marked, copies=True))
    return counted
