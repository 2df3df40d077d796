"""MIMIC-III's files as the typed views that MIMIC-IV's files give, so that one SQL serves both.

The views have MIMIC-IV's names and those of its columns that are read. MIMIC-III's own tables stand
in the schema `mimic3`, with what is left out of them marked by a reason.

items.csv gives both ids of a variable, CareVue's (below 220000) and MetaVision's. They are the ids
of mimic3-benchmarks (itemid_to_variable_map.csv, status ready) without those of urine and of other
fluids than blood; the laboratory's of MIMIC-IV; and, from mimic-code, 190 (FiO2), 762 and 920
(weight and height on admission). Where MIMIC-III gives no unit, it is the item's own.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.mimic3_layout import TABLES
from fusehr.core.mimic_files import resolve
from fusehr.core.mimic_layout import TABLES as MIMIC4_TABLES
from fusehr.core.params.tables import TablesParams
from fusehr.tables.database import run_sql, set_variables
from fusehr.tables.mimic4.files import attach_views as attach_mimic4
from fusehr.tables.mimic4.files import typed_view
from fusehr.tables.quality import Dropped, count_dropped

HERE = Path(__file__).parent

# Types of the columns that the SQL files read; every other column is text.
TYPES: dict[str, str] = {
    "row_id": "BIGINT",
    "subject_id": "BIGINT",
    "hadm_id": "BIGINT",
    "icustay_id": "BIGINT",
    "itemid": "INTEGER",
    "valuenum": "DOUBLE",
    "error": "INTEGER",
    "rate": "DOUBLE",
    "hospital_expire_flag": "TINYINT",
} | dict.fromkeys(
    (
        *("dob", "dod", "admittime", "dischtime", "deathtime", "edregtime", "intime", "outtime"),
        *("startdate", "enddate", "starttime", "endtime", "charttime", "chartdate", "storetime"),
    ),
    "TIMESTAMP",
)
# What is read in MIMIC-IV's layout also here: all empty but the user's own notes.
KEPT = (
    *("ed/edstays", "ed/triage", "ed/vitalsign", "cxr/metadata", "cxr/chexpert"),
    "note/own_notes",
)
# Tables that are not of patients are brought into data/raw in MIMIC-IV's layout.
DICTIONARIES = ("d_icd_diagnoses", "d_icd_procedures")


def attach_mimic3(con: duckdb.DuckDBPyConnection, raw: Path, params: TablesParams) -> None:
    """Create MIMIC-IV's views and the table `items` of the source that `raw` lists.

    What MIMIC-III has not, an emergency department and chest images, is empty.
    """
    own = params.mimic3
    con.execute("CREATE SCHEMA mimic3")
    for table in TABLES:
        if table.name not in DICTIONARIES:
            path = resolve(table.key, raw)
            con.execute(typed_view(table, path, TYPES, name=f"mimic3.{table.name}"))
    attach_mimic4(con, raw, (table for table in MIMIC4_TABLES if table.key in KEPT))
    for name, file in (
        ("items", "items.csv"),
        ("mimic3.terms", "terms.csv"),
        ("mimic3.ventilation_items", "ventilation_items.csv"),
    ):
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv(?)", [str(HERE / file)])
    set_variables(
        con,
        {
            "mimic3_min_age": own.min_age,
            "mimic3_age_over_89": own.age_over_89,
            "mimic3_infusion_lapse_hours": own.infusion_lapse_hours,
            "mimic3_ventilation_lapse_hours": own.ventilation_lapse_hours,
        },
    )
    for name in ("01_people", "02_values", "03_supports", "04_notes"):
        run_sql(con, f"mimic3/{name}.sql")


def count_left_out(con: duckdb.DuckDBPyConnection) -> list[Dropped]:
    """What the views leave out, by MIMIC-III's table and reason."""
    return [
        count_dropped(con, f"mimic3/{table}", f"mimic3.{marked}")
        for table, marked in (
            ("patients", "people"),
            ("admissions", "admissions_marked"),
            ("chartevents", "chart_rows"),
            ("inputevents_mv", "infusions_marked"),
            ("procedureevents_mv", "procedures_marked"),
            ("noteevents", "notes_marked"),
        )
    ]
