"""A handful of events and codes, and the row of numbers that they become."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from fusehr.core.cohort import TaskSamples, load_task
from fusehr.core.frame.errors import InputError
from fusehr.core.gate.availability import attach_notes, open_tables
from fusehr.train.engine.contract import Skip, Source
from fusehr.train.engine.task import ROWS
from fusehr.train.tabular.matrix import TABLES, Matrix, build_matrix

from .multimodal import write_multimodal

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
            "admission_type": ["URGENT", "ELECTIVE"],
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
        "hours_since_first": 30,
        "sum": pytest.approx(11.6, abs=1e-12),
        "std": pytest.approx(np.std([1.5, 4.1, 3.2, 2.8]), abs=1e-4),
        "hours_charted": 3,
    }
    assert row(matrix, 0, "lactate|6h|") == {
        "min": 2.8,
        "max": 4.1,
        "mean": pytest.approx((4.1 + 3.2 + 2.8) / 3, abs=1e-12),
        "count": 3,
    }
    nothing = row(matrix, 1, "lactate|all|")
    assert nothing.pop("count") == nothing.pop("hours_charted") == 0
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
        "admission_type|URGENT": 1,
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
    absent = np.array([nan, nan, nan, 0, nan])
    matrix = Matrix(np.array(values), tuple("abcde"), absent, (None,) * 5)
    assert matrix.vocabulary(np.arange(4), min_share=0.5).tolist() == [4]
    assert matrix.vocabulary(np.arange(5), min_share=0.2).tolist() == [0, 1, 3, 4]
    assert matrix.vocabulary(np.arange(5), min_share=0.4).tolist() == [0, 1, 4]
    with pytest.raises(Skip, match=r"^no feature tells"):
        matrix.vocabulary(np.arange(1), min_share=0.0)


def test_what_is_withheld_is_as_if_it_had_not_been_recorded(source: Source) -> None:
    both = build_matrix(source, SAMPLES, modalities=["series", "codes"])
    codes = build_matrix(source, SAMPLES, modalities=["codes"])
    rows = np.array([1, 0])
    withheld = dict(zip(both.columns, both.rows(rows, ("series",)).T, strict=True))
    for name, values in zip(codes.columns, codes.values[rows].T, strict=True):
        np.testing.assert_array_equal(withheld[name], values)
    series = [
        name for name, of in zip(both.columns, both.modalities, strict=True) if of == "series"
    ]
    assert series and all(
        np.isnan(withheld[name]).all() or (withheld[name] == 0).all() for name in series
    )
    np.testing.assert_array_equal(both.rows(rows), both.values[rows])


def test_means_are_over_the_vectors_of_what_the_gate_lets_through(
    make_tables: Callable[..., Path], tmp_path: Path
) -> None:
    tables = write_multimodal(make_tables(tmp_path / "data" / "tables", patients=20))
    samples = load_task(tables, "triage")
    with open_tables(tables, TABLES, threads=1) as con:
        con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
        source = Source(con, tables, 1)
        matrix = build_matrix(source, samples, modalities=["notes", "summary", "images"])
        attach_notes(con, "triage")
        seen = con.execute(
            "SELECT sample_row, note_id FROM sample_notes JOIN sample_rows "
            "USING (sample_id) WHERE current_visit"
        ).df()
    sentences = pd.read_parquet(tables.parent / "embed" / "note_sentences.parquet")
    vectors = pd.read_parquet(tables.parent / "embed" / "reduced.parquet")
    of_text = dict(zip(vectors["text_sha256"], vectors["vector"], strict=True))
    columns = [k for k, name in enumerate(matrix.columns) if name.startswith("notes|")]
    assert 0 < seen["sample_row"].nunique() < len(samples.samples)
    for row in range(len(samples.samples)):
        notes = seen.loc[seen["sample_row"] == row, "note_id"]
        texts = sentences.loc[sentences["note_id"].isin(notes), "text_sha256"]
        found = matrix.values[row, columns]
        if len(texts):
            expected = np.mean([of_text[sha] for sha in texts], axis=0, dtype=np.float64)
            np.testing.assert_allclose(found, expected, atol=1e-12)
        else:
            assert np.isnan(found).all()
    assert {name.split("|")[0] for name in matrix.columns} >= {"notes", "summary", "images"}


def test_vectors_that_are_not_there_stop_the_run(
    make_tables: Callable[..., Path], tmp_path: Path
) -> None:
    tables = write_multimodal(make_tables(tmp_path / "data" / "tables", patients=20))
    (tables.parent / "train" / "images" / "vectors.parquet").unlink()
    samples = load_task(tables, "triage")
    with open_tables(tables, TABLES, threads=1) as con:
        con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
        with pytest.raises(InputError, match=r"train/images/vectors\.parquet: expected vectors"):
            build_matrix(Source(con, tables, 1), samples, modalities=["images"])
