"""What each sample may know, through the gate: its diseases, drugs, findings, and last values."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from fusehr.core.gate.availability import (
    attach_codes,
    attach_drugs,
    attach_events,
    attach_notes,
    tasks_of,
)
from fusehr.rag.mentions import MentionFinder
from fusehr.rag.signals.signals import add_last_values

HERE = Path(__file__).parent


def choose_notes(con: duckdb.DuckDBPyConnection, kinds: list[str]) -> None:
    """Create `numbered` (s, sample_id) and `chosen` (note_id): notes of `kinds` that are seen."""
    con.execute(
        "CREATE TEMP TABLE numbered AS SELECT "
        "CAST(row_number() OVER (ORDER BY sample_id) - 1 AS INTEGER) AS s, sample_id FROM samples"
    )
    con.execute("CREATE TEMP TABLE seen (note_id VARCHAR)")
    for task in tasks_of(con):
        attach_notes(con, task)
        con.execute("INSERT INTO seen SELECT DISTINCT note_id FROM sample_notes")
    con.execute(
        "CREATE TEMP TABLE chosen AS SELECT note_id FROM notes "
        "WHERE note_id IN (FROM seen) AND list_contains($kinds, code)",
        {"kinds": kinds},
    )


def gather(con: duckdb.DuckDBPyConnection) -> None:
    """Create diseases_known, _denied, drugs_known, findings_known, fill last_values, task by task.

    Reads the views of the tables and the graph, `entities` and `drug_nodes`.
    """
    con.execute(_sql("note_status.sql"))
    con.execute(
        "CREATE TEMP TABLE diseases_known (s INTEGER, node_index INTEGER, status VARCHAR, "
        "current_visit BOOLEAN, mentions INTEGER)"
    )
    con.execute("CREATE TEMP TABLE diseases_denied (s INTEGER, node_index INTEGER)")
    con.execute("CREATE TEMP TABLE drugs_known (s INTEGER, node_index INTEGER)")
    con.execute(
        "CREATE TEMP TABLE findings_known (s INTEGER, concept VARCHAR, assertion VARCHAR, "
        "node_index INTEGER, notes INTEGER)"
    )
    for task in tasks_of(con):
        attach_notes(con, task)
        attach_codes(con, task)
        con.execute(_sql("sample_diseases.sql"))
        con.execute(_sql("sample_denied.sql"))
        con.execute(_sql("sample_findings.sql"))
        attach_drugs(con, task)
        con.execute(_sql("sample_drugs.sql"))
        attach_events(con, task)
        add_last_values(con)


def match_drugs(con: duckdb.DuckDBPyConnection) -> None:
    """Create `drug_nodes` (code, node_index): the graph's drugs that the name of an order holds.

    `metoprolol tartrate` is metoprolol; a combination is each of its parts.
    """
    names = con.execute(
        "SELECT node_index, kg_names.name FROM kg_names JOIN kg_nodes USING (node_index) "
        "WHERE type = 'drug' ORDER BY kind, node_index, kg_names.name"
    ).fetchall()
    # orders are in lower case and abbreviate nothing
    finder = MentionFinder(((n, name.lower()) for n, name in names), typing_errors=False)
    codes = con.execute("SELECT DISTINCT code FROM drugs ORDER BY code").fetchall()
    rows = [(code, m.node_index) for (code,) in codes for m in finder.find(code)]
    frame = pd.DataFrame(rows, columns=["code", "node_index"]).astype(
        {"code": "string", "node_index": "int64"}
    )
    con.register("drug_frame", frame)
    con.execute("CREATE TEMP TABLE drug_nodes AS SELECT DISTINCT * FROM drug_frame")


def _sql(name: str) -> str:
    return (HERE / name).read_text()
