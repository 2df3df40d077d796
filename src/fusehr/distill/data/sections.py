"""The sections of a task's texts, in the seed's words, the longest last."""

from __future__ import annotations

from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import attach_codes, attach_drugs
from fusehr.core.params.distill import DataParams, HintsParams
from fusehr.distill.data.tables import Source, run_sql

SECTIONS = (
    "CREATE OR REPLACE TEMP TABLE sections "
    "(sample_id VARCHAR, part INTEGER, place INTEGER, kind VARCHAR, text VARCHAR)"
)
DRUGS_OF_VISIT = (
    "CREATE OR REPLACE TEMP VIEW known_drugs AS "
    "SELECT sample_id, code FROM sample_codes WHERE kind = 'drug' AND current_visit"
)
DRUGS_ORDERED = (
    "CREATE OR REPLACE TEMP VIEW known_drugs AS "
    "SELECT sample_id, code FROM sample_drugs WHERE current_visit"
)
SUMMARY = (
    "INSERT INTO sections SELECT sample_id, 7, 0, 'summary', text "
    "FROM summaries JOIN samples USING (sample_id) WHERE task = $task"
)


def fit_hints(con: Source, params: HintsParams) -> None:
    """Create graph_hints, drug_statistics and code_phenotypes, empty where they are not wanted."""
    run_sql(con, "graph_hints.sql", {"most_drugs": params.most_drugs})
    if not params.graph:
        con.execute("DELETE FROM graph_hints")
    if not params.statistics:
        con.execute("DELETE FROM fitted_on")
    run_sql(con, "first_visits.sql")
    least = {"min_patients": params.min_patients}
    limits = least | {"min_lift": params.min_lift, "most_drugs": params.most_drugs}
    run_sql(con, "drug_statistics.sql", limits)
    run_sql(con, "code_phenotypes.sql", least)


def add_sections(con: Source, task: Task, params: DataParams) -> None:
    """Fill `sections` (sample_id, part, place, kind, text) for the samples of `task`.

    next_diagnoses tells of the visit just ended, its codes and hints; other tasks of drugs ordered
    by the index and what rag's summary says. Needs `fit_hints` to have run.
    """
    unit = {"unit": "diagnosis" if params.diseases == "titles" else "phenotype"}
    con.execute(SECTIONS)
    run_sql(con, "person.sql", {"task": task})
    attach_codes(con, task)
    run_sql(con, "earlier_visits.sql", unit | {"earlier_visits": params.earlier_visits})
    if task == "next_diagnoses":
        run_sql(con, "current_visit.sql", unit)
        if params.diseases == "both":
            run_sql(con, "details.sql")
        run_sql(con, "hints.sql", {"most_diseases": params.hints.most_diseases})
        con.execute(DRUGS_OF_VISIT)
    else:
        attach_drugs(con, task)
        con.execute(DRUGS_ORDERED)
        con.execute(SUMMARY, {"task": task})
    if params.medication:
        run_sql(con, "medication.sql")
