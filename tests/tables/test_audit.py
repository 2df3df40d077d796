"""The audit, on tables in which one honesty rule at a time is broken: it must see each."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from fusehr.core.frame.errors import InputError, LeakError
from fusehr.core.gate import availability as gate
from fusehr.tables.audit import AuditError, audit


@pytest.fixture
def tables(converted: Path) -> Path:
    """Sound tables of the example hospital."""
    return converted / "tables"


def _rewrite(tables: Path, name: str, query: str) -> None:
    path = tables / f"{name}.parquet"
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS FROM '{path}'")
        con.execute(query)
        con.execute(f"COPY t TO '{path}' (FORMAT parquet)")


def test_sound_tables_pass_and_the_audit_says_what_it_checked(tables: Path) -> None:
    found = audit(tables, threads=1)
    assert found["rule_1_availability"]["mortality_events"] > 10
    assert found["rule_1_availability"]["next_diagnoses_codes"] == 5
    assert found["rule_2_folds"]["patients"] == 3


@pytest.mark.parametrize(
    "gate_file, removed",
    [
        ("events.sql", "AND dynamic.available_time <= samples.index_time"),
        ("events.sql", "AND dynamic.event_time <= samples.index_time"),
        ("notes.sql", "AND notes.available_time <= samples.index_time"),
        ("images.sql", "AND images.available_time <= samples.index_time"),
        ("drugs.sql", "AND drugs.available_time <= samples.index_time"),
        ("codes.sql", "AND visits.codes_available_time <= samples.codes_through"),
    ],
)
def test_rule_1_a_gate_left_open_is_refused(
    tables: Path, monkeypatch: pytest.MonkeyPatch, gate_file: str, removed: str
) -> None:
    read = gate._sql

    def open_gate(name: str) -> str:
        text = read(name)
        if name == gate_file:
            assert removed in text
            text = text.replace(removed, "")
            if removed.startswith("AND dynamic.event_time"):
                # values of the future come with the time at which they were known
                text = text.replace("AND dynamic.available_time <= samples.index_time", "")
        return text

    monkeypatch.setattr(gate, "_sql", open_gate)
    with pytest.raises(LeakError, match="not known at their sample's index time"):
        audit(tables, threads=1)


def test_rule_1_codes_of_another_task_reaching_past_the_index(tables: Path) -> None:
    _rewrite(tables, "samples", "UPDATE t SET codes_through = index_time + INTERVAL 9 DAY")
    with pytest.raises((AuditError, LeakError)):
        audit(tables, threads=1)


def test_rule_1_known_before_it_happened(tables: Path) -> None:
    _rewrite(
        tables,
        "dynamic",
        "UPDATE t SET available_time = event_time - INTERVAL 1 HOUR WHERE code = 'lactate'",
    )
    with pytest.raises(AuditError, match=r"dynamic.available_time: expected not before event_time"):
        audit(tables, threads=1)


def test_rule_2_a_text_in_two_folds(tables: Path) -> None:
    _rewrite(
        tables,
        "notes",
        "UPDATE t SET text = repeat('copied forward ', 20), text_sha256 = 'same'",
    )
    with pytest.raises(AuditError, match=r"notes.text_sha256: expected no content in two folds"):
        audit(tables, threads=1)


def test_rule_2_a_stock_text_may_stand_in_two_folds(tables: Path) -> None:
    _rewrite(tables, "notes", "UPDATE t SET text = 'no acute process', text_sha256 = 'same'")
    audit(tables, threads=1)


def test_rule_2_a_patient_without_a_fold(tables: Path) -> None:
    _rewrite(tables, "splits", "DELETE FROM t WHERE patient_id = 10000001")
    with pytest.raises(AuditError, match="expected a fold for every patient"):
        audit(tables, threads=1)


def test_rule_2_a_patient_in_two_folds(tables: Path) -> None:
    _rewrite(tables, "splits", "INSERT INTO t VALUES (10000001, 'cv4')")
    with pytest.raises(InputError, match="expected unique"):
        audit(tables, threads=1)


def test_rule_3_fitted_on_another_split(tables: Path) -> None:
    _rewrite(tables, "splits", "UPDATE t SET fold = 'cv0' WHERE patient_id = 10000002")
    with pytest.raises(AuditError, match=r"fitted.json: split_sha"):
        audit(tables, threads=1)
