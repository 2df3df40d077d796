"""The files as a whole: the same on every run, the same patients whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core import mimic_layout
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import TASKS
from fusehr.core.params.raw import SyntheticParams
from fusehr.raw.synthetic import cohort
from fusehr.raw.synthetic.identifiers import MAX_PATIENTS, subject_ids

from .conftest import Tables, make_params

# A user's own notes are no part of the cohort.
TABLES = [table for table in mimic_layout.TABLES if table.key != "note/own_notes"]

# of no patient
DICTIONARIES = {
    "hosp/d_labitems",
    "icu/d_items",
    "hosp/d_icd_diagnoses",
    "hosp/d_icd_procedures",
    "kg/kg",
    "kg/disease_features",
}
# of people outside the cohort, wholly or among others
OTHERS = {"cxr/metadata", "cxr/chexpert"}


def test_a_rerun_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        cohort.write(tmp_path / name, make_params(patients=60))
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert {file.as_posix() for file in files} == {table.file for table in TABLES} | {
        "truth.parquet",
        "cxr/images-00000.tar",
    }
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_another_seed_gives_other_patients(
    small: Tables, written: Callable[[SyntheticParams], Tables]
) -> None:
    other = written(make_params(patients=60, seed=4))
    ours = small("hosp/patients").head(60)
    assert list(other("hosp/patients")["subject_id"]) == list(ours["subject_id"])
    assert not other("hosp/patients").equals(ours)


@pytest.mark.parametrize("key", [table.key for table in TABLES])
def test_patients_are_the_same_whatever_their_number(
    small: Tables, written: Callable[[SyntheticParams], Tables], key: str
) -> None:
    few = written(make_params(patients=30))(key)
    many = small(key)
    if key not in DICTIONARIES:
        ids = {str(i) for i in subject_ids(np.arange(30))}
        if key in OTHERS:
            strangers = set(many["subject_id"]) - set(small("hosp/patients")["subject_id"])
            ids |= strangers
        many = many[many["subject_id"].isin(ids)].reset_index(drop=True)
        assert str(subject_ids(np.array([17]))[0]) in ids
    assert len(few) > 0
    pd.testing.assert_frame_equal(few, many)


def test_truth_is_the_same_whatever_their_number(
    small: Tables, written: Callable[[SyntheticParams], Tables]
) -> None:
    few, many = written(make_params(patients=30)).truth(), small.truth()
    known = many[many["patient_id"].isin(subject_ids(np.arange(30)))].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, known)


def test_films_are_the_same_whatever_the_number_of_patients(
    small: Tables, written: Callable[[SyntheticParams], Tables]
) -> None:
    few, many = written(make_params(patients=30)).films(), small.films()
    assert set(few) == set(written(make_params(patients=30))("cxr/metadata")["dicom_id"])
    assert few.keys() < many.keys()
    assert all(many[name] == content for name, content in few.items())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.key)
def test_columns_are_those_of_mimic(small: Tables, table: object) -> None:
    frame = small(table.key)  # type: ignore[attr-defined]
    assert tuple(frame.columns) == table.columns  # type: ignore[attr-defined]
    assert len(frame) > 0


def test_ids_are_of_mimics_shape_and_unique(small: Tables) -> None:
    for key, column, first in (
        ("hosp/patients", "subject_id", "1"),
        ("hosp/admissions", "hadm_id", "2"),
        ("hosp/transfers", "transfer_id", "3"),
        ("icu/icustays", "stay_id", "3"),
        ("ed/edstays", "stay_id", "3"),
    ):
        ids = small(key)[column]
        assert ids.is_unique
        assert ids.str.fullmatch(first + r"\d{7}").all()
    for key, column in (("hosp/labevents", "labevent_id"),):
        assert small(key)[column].is_unique
    places = set(small("hosp/transfers")["transfer_id"])
    assert set(small("icu/icustays")["stay_id"]) <= places
    assert set(small("ed/edstays")["stay_id"]) <= places


def test_patients_are_as_many_as_asked_for(small: Tables) -> None:
    patients = small("hosp/patients")
    assert len(patients) == 400
    for table in TABLES:
        if table.key not in DICTIONARIES | OTHERS:
            assert set(small(table.key)["subject_id"]) <= set(patients["subject_id"])


def test_truth_has_a_row_for_each_class(small: Tables) -> None:
    truth = small.truth()
    assert list(truth.columns) == list(cohort.TRUTH_SCHEMA.names)
    assert set(truth["task"]) == set(TASKS)
    key = ["patient_id", "task", "index_time", "visit_id", "class"]
    assert not truth.duplicated(key).any()
    assert truth[key].equals(truth[key].sort_values(key, ignore_index=True))
    assert truth[["oracle", "attainable"]].apply(lambda p: p.between(0, 1)).all(axis=None)
    triage = truth[truth["task"] == "triage"].groupby(["visit_id", "stay_id"])
    assert triage[["oracle", "attainable"]].sum().to_numpy() == pytest.approx(1)
    assert triage.size().eq(3).all()
    sizes = truth[truth["task"] == "next_diagnoses"].groupby("visit_id").size()
    assert sizes.eq(25).all()


def _film_times(small: Tables) -> set[tuple[int, pd.Timestamp]]:
    films = small("cxr/metadata")
    time = pd.to_datetime(
        films["StudyDate"] + films["StudyTime"].str.slice(0, 6), format="%Y%m%d%H%M%S"
    )
    return set(zip(films["subject_id"].astype(int), time, strict=True))


def test_index_times_are_exact(small: Tables) -> None:
    truth = small.truth()
    stays = small("icu/icustays").astype({"stay_id": int})
    intime = pd.to_datetime(stays.set_index("stay_id")["intime"])
    death = truth[truth["task"] == "mortality"]
    assert (death["index_time"] - death["stay_id"].map(intime)).eq(pd.Timedelta(hours=48)).all()
    window = truth[truth["task"] == "deterioration"]
    hours = (window["index_time"] - window["stay_id"].map(intime)) / pd.Timedelta(hours=12)
    assert (hours == hours.round()).all()
    assert hours.min() == 2
    arrival = small("ed/edstays").astype({"stay_id": int}).set_index("stay_id")["intime"]
    seen = truth[truth["task"] == "triage"]
    arrived = seen["stay_id"].map(pd.to_datetime(arrival))
    waited = seen["index_time"] - arrived
    # an hour, or until the first chest image of the department
    film = _film_times(small)
    at_film = np.array(
        [
            (patient, time) in film
            for patient, time in zip(seen["patient_id"], seen["index_time"], strict=True)
        ]
    )
    assert (waited.eq(pd.Timedelta(hours=1)) | at_film).all()
    assert waited.between(pd.Timedelta(minutes=35), pd.Timedelta(hours=4)).all()
    assert 0.4 < np.mean(at_film) < 0.5
    # a visit of two contiguous admissions is named by the first and ends with the second
    admissions = small("hosp/admissions").astype({"hadm_id": int, "subject_id": int})
    ends = admissions.groupby("subject_id")["dischtime"].agg(lambda d: set(pd.to_datetime(d)))
    left = truth[truth["task"] == "readmission"]
    assert all(t in ends[p] for p, t in zip(left["patient_id"], left["index_time"], strict=True))


def test_dictionaries_name_every_code(small: Tables) -> None:
    for rows, dictionary, columns in (
        ("hosp/diagnoses_icd", "hosp/d_icd_diagnoses", ["icd_code", "icd_version"]),
        ("hosp/procedures_icd", "hosp/d_icd_procedures", ["icd_code", "icd_version"]),
        ("hosp/labevents", "hosp/d_labitems", ["itemid"]),
        ("icu/chartevents", "icu/d_items", ["itemid"]),
        ("icu/inputevents", "icu/d_items", ["itemid"]),
        ("icu/procedureevents", "icu/d_items", ["itemid"]),
    ):
        used = small(rows)[columns].drop_duplicates()
        known = small(dictionary)[columns]
        assert not known.duplicated().any()
        assert len(used.merge(known)) == len(used), rows


def test_too_many_patients_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="patients"):
        cohort.write(tmp_path, make_params(patients=MAX_PATIENTS + 1))
