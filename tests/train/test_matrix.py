"""A handful of events and codes, and the row of numbers that they become."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from fusehr.core.cohort import TaskSamples
from fusehr.train.engine.contract import Skip, Source
from fusehr.train.tabular.matrix import Matrix, build_matrix

NOON = datetime(2150, 1, 2, 12)  # the index of both samples


def hours(number: float) -> datetime:
    """A time `number` hours before the index."""
    return NOON - timedelta(hours=number)


EVENTS = [
    # patient, code, value, hours before the index that it was charted, and stored
    (1, "lactate", 1.5, 30, 29),
    (1, "lactate", 4.1, 5, 4),
    (1, "lactate", 3.2, 2, 1.5),
    (1, "lactate", 2.8, 2, 1.0),  # the same minute, stored later: the last one
    (1, "lactate", 9.9, 1, -1),  # stored after the index
    (1, "lactate", 9.9, 50, 49),  # before the window
    (1, "vasopressor/start", 1, 20, 20),
    (1, "vasopressor/end", 1, 10, 10),
    (1, "vasopressor/start", 1, 3, 3),
    (2, "vasopressor/start", 1, 47, 47),  # before the window of values, but within the visit
    (2, "vasopressor/end", 1, 4, 4),
    (2, "heart_rate", 80, 1, 1),
]
VISITS = [
    # patient, visit, discharge (hours before the index), phenotypes
    (1, 11, 9000, ["Pneumonia", "Shock"]),
    (1, 12, 5000, ["Shock"]),
    (1, 13, 50, ["Gout"]),  # not billed by the index
]


@pytest.fixture
def source() -> Iterator[Source]:
    samples = pd.DataFrame(
        {
            "sample_id": ["a", "b"],
            "patient_id": [1, 2],
            "task": "mortality",
            "index_time": NOON,
            "visit_id": [19, 29],
            "window_start": hours(40),
            "history_start": hours(48),
            "codes_through": NOON,
        }
    )
    dynamic = pd.DataFrame(
        [
            {
                "patient_id": patient,
                "code": code,
                "value": float(value),
                "event_time": hours(charted),
                "available_time": hours(stored),
            }
            for patient, code, value, charted, stored in EVENTS
        ]
    )
    visits = pd.DataFrame(
        [
            {
                "patient_id": patient,
                "visit_id": visit,
                "admit_time": hours(discharge + 24),
                "codes_available_time": hours(discharge - 96),
                "diagnoses": [f"ICD10CM/{name[0]}" for name in phenotypes],
                "phenotypes": phenotypes,
                "procedures": [],
                "drugs": [],
            }
            for patient, visit, discharge, phenotypes in VISITS
        ]
    )
    static = pd.DataFrame(
        {
            "visit_id": [19, 29],
            "age": [61.0, 70.0],
            "sex": ["F", "M"],
            "available_time": [hours(48), hours(-1)],
        }
    )
    with duckdb.connect() as con:
        for name, frame in (
            ("samples", samples),
            ("dynamic", dynamic),
            ("visits", visits),
            ("static", static),
        ):
            con.register(f"{name}_frame", frame)
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_frame")
        con.execute("ALTER TABLE visits ALTER procedures TYPE VARCHAR[]")
        con.execute("ALTER TABLE visits ALTER drugs TYPE VARCHAR[]")
        con.execute(
            "CREATE TABLE sample_rows AS SELECT unnest(['a', 'b']) AS sample_id,"
            " unnest([0, 1]) AS sample_row"
        )
        yield Source(con, Path(), 1)


SAMPLES = TaskSamples(
    task="mortality",
    samples=pd.DataFrame({"sample_id": ["a", "b"]}),
    classes=("positive",),
    labels=np.array([[0], [1]], dtype=np.int8),
    new_onset=None,
)


def row(matrix: Matrix, number: int, prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): float(matrix.values[number, k])
        for k, name in enumerate(matrix.columns)
        if name.startswith(prefix)
    }


def test_a_variable_over_the_window_and_over_its_last_hours(source: Source) -> None:
    matrix = build_matrix(source, SAMPLES, modalities=["series"], recent_hours=[6])
    assert row(matrix, 0, "lactate|all|") == {
        "last": 2.8,
        "first": 1.5,
        "min": 1.5,
        "max": 4.1,
        "mean": pytest.approx((1.5 + 4.1 + 3.2 + 2.8) / 4, abs=1e-12),
        "count": 4,
        "hours_since": 2,
    }
    assert row(matrix, 0, "lactate|6h|") == {
        "min": 2.8,
        "max": 4.1,
        "mean": pytest.approx((4.1 + 3.2 + 2.8) / 3, abs=1e-12),
        "count": 3,
    }
    nothing = row(matrix, 1, "lactate|all|")
    assert nothing.pop("count") == 0
    assert np.isnan(list(nothing.values())).all()


def test_a_support_runs_from_its_last_start_unless_ended(source: Source) -> None:
    matrix = build_matrix(source, SAMPLES, modalities=["series"])
    assert row(matrix, 0, "vasopressor|") == {"running": 1}
    assert row(matrix, 0, "vasopressor/start|all|")["hours_since"] == 3
    assert row(matrix, 0, "vasopressor/end|all|")["hours_since"] == 10
    assert row(matrix, 1, "vasopressor|") == {"running": 0}
    assert row(matrix, 1, "vasopressor/start|all|")["hours_since"] == 47


def test_codes_are_those_billed_of_earlier_visits(source: Source) -> None:
    matrix = build_matrix(source, SAMPLES, modalities=["codes"])
    assert row(matrix, 0, "") == {
        "age": 61,
        "female": 1,
        "male": 0,
        "Pneumonia|earlier": 1,
        "Shock|earlier": 2,
        "n_diagnosis|earlier": 2,
        "n_phenotype|earlier": 2,
        "n_visits|earlier": 2,
    }
    second = row(matrix, 1, "")
    assert second["Shock|earlier"] == 0
    # registered after the index
    assert np.isnan(second["age"])


def test_nothing_of_any_modality_is_a_reason_to_skip(source: Source) -> None:
    source.con.execute("DELETE FROM dynamic")
    with pytest.raises(Skip, match=r"^needs series: no events$"):
        build_matrix(source, SAMPLES, modalities=["series"])
    assert "age" in build_matrix(source, SAMPLES, modalities=["series", "codes"]).columns


def test_vocabulary_is_what_train_rows_have_often_enough_and_not_always_the_same() -> None:
    nan = np.nan
    values: Any = [
        # rare, constant, unknown to train, zero is absent, kept
        [nan, 5, nan, 0, 1],
        [nan, 5, nan, 0, 2],
        [nan, 5, nan, 0, nan],
        [1.0, 5, nan, 0, nan],
        [2.0, 7, 3.0, 9, nan],
    ]
    matrix = Matrix(np.array(values), tuple("abcde"), np.array([nan, nan, nan, 0, nan]))
    assert matrix.vocabulary(np.arange(4), min_share=0.5).tolist() == [4]
    assert matrix.vocabulary(np.arange(5), min_share=0.2).tolist() == [0, 1, 3, 4]
    assert matrix.vocabulary(np.arange(5), min_share=0.4).tolist() == [0, 1, 4]
    with pytest.raises(Skip, match=r"^no feature tells"):
        matrix.vocabulary(np.arange(1), min_share=0.0)
