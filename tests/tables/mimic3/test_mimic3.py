"""MIMIC-III's quirks, each by the value that comes out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.schemas import TABLES, check_parquet
from fusehr.tables.audit import audit
from fusehr.tables.convert import convert

Read = Callable[..., list[tuple]]


@pytest.fixture
def changed(
    write_mimic3: Callable[..., Path], tolerant: Callable[..., Any], tmp_path: Path
) -> Callable[..., Path]:
    """Tables of another hospital, of files in another layout or by other parameters."""

    def make(hospital: dict[str, str], layout: dict[str, Any] | None = None, **params: Any) -> Path:
        raw = write_mimic3(hospital, **(layout or {}))
        convert(raw, tmp_path / "tables", tmp_path / "metrics.json", tolerant(**params))
        return tmp_path / "tables"

    return make


@pytest.fixture
def refused(changed: Callable[..., Path], tmp_path: Path) -> Callable[..., str]:
    """Message with which a hospital is refused; nothing is written."""

    def attempt(hospital: dict[str, str], **params: Any) -> str:
        with pytest.raises(InputError) as caught:
            changed(hospital, **params)
        assert not (tmp_path / "tables").exists() and not (tmp_path / "metrics.json").exists()
        return str(caught.value)

    return attempt


def at(hour: str, day: str = "2160-07-02") -> datetime:
    return datetime.fromisoformat(f"{day} {hour}")


def values(read: Read, tables: Path, patient: int, code: str) -> list[tuple[Any, Any]]:
    """(time, value) of a patient's events."""
    where = f"patient_id = {patient} AND code = '{code}'"
    return read(tables, "dynamic", ("event_time", "value"), where)


def test_every_table_obeys_its_schema_and_passes_the_audit(tables: Path) -> None:
    for schema in TABLES:
        check_parquet(tables / f"{schema.name}.parquet", schema)
    audit(tables, threads=1)


def test_age_comes_from_the_birth_date_and_those_over_89_are_91(read: Read, tables: Path) -> None:
    ages = dict(read(tables, "static", ("visit_id", "age")))
    # the birthday is the day after the first admission; later visits add calendar years
    assert ages == {101: 59, 102: 59, 103: 61, 201: 91.4, 401: 49, 501: 69}


def test_newborns_and_organ_donors_are_left_out_and_counted(read: Read, tables: Path) -> None:
    assert {row[0] for row in read(tables, "splits", ("patient_id",))} == {1, 2, 4, 5}
    for name in ("dynamic", "notes", "drugs", "visits", "stays"):
        assert 3 not in {row[0] for row in read(tables, name, ("patient_id",))}
    assert (402,) not in read(tables, "visits", ("visit_id",))
    dropped = read_json(tables.parent / "metrics.json")["dropped"]
    # a count of a few is hidden, as the source is restricted
    assert dropped["mimic3/patients"] == {"under_age": "<10"}
    assert dropped["mimic3/admissions"] == {"organ_donor": "<10"}


def test_admissions_are_told_in_mimic4s_words(read: Read, tables: Path) -> None:
    columns = ("visit_id", "admission_type", "discharge_location")
    assert read(tables, "visits", columns) == [
        (101, "EW EMER.", "HOME"),
        (102, "URGENT", "SKILLED NURSING FACILITY"),
        (103, "ELECTIVE", "HOME"),
        (201, "EW EMER.", "DIED"),
        (401, "EW EMER.", "DIED"),
        (501, "EW EMER.", "HOSPICE"),
    ]
    ((start,),) = read(tables, "static", ("available_time",), "visit_id = 101")
    assert start == at("06:30", "2150-05-01")  # registered in the emergency department


def test_hospice_and_death_are_no_samples_of_readmission(read: Read, tables: Path) -> None:
    found = read(tables, "label", ("visit_id", "label_value"), "task = 'readmission'")
    assert found == [(101, 1), (102, 0), (103, 0)]


def test_codes_are_icd_9_and_an_empty_one_is_none(read: Read, tables: Path) -> None:
    columns = ("visit_id", "diagnoses", "procedures")
    coded = read(tables, "visits", columns, "visit_id IN (101, 201)")
    assert coded == [(101, ["ICD9CM/4280"], []), (201, ["ICD9CM/0389"], ["ICD9PCS/9604"])]


def test_a_drug_is_known_by_the_end_of_the_day_it_was_ordered(read: Read, tables: Path) -> None:
    assert read(tables, "drugs", ("code", "event_time", "available_time")) == [
        ("furosemide", at("00:00", "2150-05-02"), at("00:00", "2150-05-02"))
    ]


def test_triage_has_no_samples(read: Read, tables: Path) -> None:
    found = {row[0] for row in read(tables, "samples", ("task",))}
    assert "triage" not in found and {"mortality", "readmission", "deterioration"} <= found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("heart_rate", [("08:00", 88)]),
        ("sbp", [("08:00", 120)]),
        ("dbp", [("08:00", 61)]),
        ("mbp", [("08:00", 81)]),
        ("spo2", [("08:00", 93)]),
        ("respiratory_rate", [("08:00", 22)]),
        # item 678 is Fahrenheit, 676 Celsius
        ("temperature", [("08:00", 38.5), ("09:00", 37.5)]),
        # item 3420 is in per cent, 190 a fraction
        ("fio2", [("08:00", 0.4), ("09:00", 0.5)]),
        ("gcs_eye", [("08:00", 3)]),
        ("gcs_verbal", [("08:00", 1)]),
        ("gcs_motor", [("08:00", 6)]),
        # once as the sum of its parts, once charted alone
        ("gcs_total", [("08:00", 10), ("12:00", 15)]),
        ("capillary_refill", [("08:00", 0), ("09:00", 1), ("10:00", 0)]),
        # kilogram, pound, ounce
        ("weight", [("08:00", 70), ("09:00", 68.0389), ("10:00", 68.0389)]),
        ("height", [("08:00", 165.1)]),
        ("ph", [("08:00", 7.31)]),
        ("glucose", [("08:00", 140)]),
        ("inr", [("06:00", 1.9)]),
    ],
)
def test_a_value_of_carevue(
    read: Read, tables: Path, code: str, expected: list[tuple[str, float]]
) -> None:
    assert values(read, tables, 2, code) == [(at(hour), value) for hour, value in expected]


def test_a_value_of_metavision(read: Read, tables: Path) -> None:
    time = at("13:00", "2150-05-01")
    assert values(read, tables, 1, "temperature") == [(time, 38.5)]  # in '?F'
    assert values(read, tables, 1, "gcs_total") == [(time, 15)]
    assert values(read, tables, 1, "weight") == [(time, 68.0389)]
    assert values(read, tables, 1, "capillary_refill") == [(time, 1)]


def test_what_was_charted_in_error_is_dropped_and_counted(read: Read, tables: Path) -> None:
    assert values(read, tables, 1, "heart_rate") == [(at("13:00", "2150-05-01"), 112)]
    dropped = read_json(tables.parent / "metrics.json")["dropped"]
    assert dropped["mimic3/chartevents"] == {"charted_in_error": "<10"}
    assert dropped["icu/chartevents"] == {"duplicate": "<10", "unknown_stay": "<10"}


def test_rows_in_error_above_the_declared_share_stop_the_run(
    hospital: dict[str, str], refused: Callable[..., str]
) -> None:
    hospital["prescriptions"] = "\n".join(hospital["prescriptions"].splitlines()[:3])
    message = refused(hospital, max_dirty_share=0.04)
    assert "mimic3/chartevents: expected at most 4.0%" in message and "charted_in_error" in message


def test_a_result_without_a_storetime_is_known_after_the_default_lag(
    read: Read, tables: Path
) -> None:
    columns = ("event_time", "available_time", "availability", "visit_id")
    assert read(tables, "dynamic", columns, "code = 'creatinine'") == [
        (at("08:00", "2150-05-01"), at("09:00", "2150-05-01"), "default_lag", 101),
        (at("11:30", "2150-05-03"), at("12:30", "2150-05-03"), "default_lag", 101),
    ]
    ((taken,),) = read(tables, "dynamic", ("event_time",), "code = 'culture/taken'")
    assert taken == at("09:00", "2150-05-01")
    # nothing tells when it was found positive
    assert not read(tables, "dynamic", ("event_time",), "code = 'culture/positive'")


def test_a_rewritten_infusion_does_not_run(read: Read, tables: Path) -> None:
    assert values(read, tables, 1, "vasopressor/end") == [(at("14:00", "2150-05-03"), 1)]


def test_rates_of_carevue_become_runs(read: Read, tables: Path) -> None:
    first, second = "2160-07-03", "2160-07-04"
    assert values(read, tables, 2, "vasopressor/start") == [
        (at("10:00", first), 1),
        (at("10:00", second), 1),
    ]
    # the first ends when it is discontinued, with a row without a rate on the way; of the second
    # nothing more is charted, so that it lapses; dobutamine (30042) is no vasopressor
    assert values(read, tables, 2, "vasopressor/end") == [
        (at("13:00", first), 1),
        (at("14:00", second), 1),
    ]


def test_ventilator_settings_of_carevue_become_runs(read: Read, tables: Path) -> None:
    day = "2160-07-03"
    assert values(read, tables, 2, "ventilation/start") == [
        (at("09:00", day), 1),
        (at("19:00", day), 1),
    ]
    # extubated; then a lapse of eight hours
    assert values(read, tables, 2, "ventilation/end") == [
        (at("18:00", day), 1),
        (at("03:00", "2160-07-04"), 1),
    ]


def test_the_length_of_a_lapse_is_a_parameter(
    hospital: dict[str, str], changed: Callable[..., Path], read: Read
) -> None:
    tables = changed(hospital, mimic3__infusion_lapse_hours=2, mimic3__ventilation_lapse_hours=3)
    assert values(read, tables, 2, "vasopressor/end")[1] == (at("12:00", "2160-07-04"), 1)
    assert values(read, tables, 2, "ventilation/end")[0] == (at("12:00", "2160-07-03"), 1)


def test_notes_are_of_our_kinds_and_known_when_mimic3_tells(read: Read, tables: Path) -> None:
    columns = ("note_id", "code", "event_time", "available_time", "text", "visit_id")
    assert read(tables, "notes", columns) == [
        (
            *("noteevents-11", "discharge", at("00:00", "2150-05-09"), at("00:00", "2150-05-10")),
            *("Doing well.", 101),
        ),
        (
            *("noteevents-12", "radiology", at("11:00", "2150-05-01"), at("12:00", "2150-05-01")),
            *("No effusion.", 101),
        ),
        (
            *("noteevents-13", "nursing", at("07:00", "2150-05-02"), at("07:30", "2150-05-02")),
            *("Slept well.", 101),
        ),
        ("noteevents-14", "nursing", at("05:00"), at("06:00"), 'Pt "stable".', 201),
        (
            *("noteevents-15", "progress", at("09:00", "2160-07-03"), at("10:00", "2160-07-03")),
            *("Septic shock.", 201),
        ),
    ]
    dropped = read_json(tables.parent / "metrics.json")["dropped"]["mimic3/noteevents"]
    assert dropped == {"marked_as_error": "<10", "other_category": "<10"}


def test_a_category_without_a_time_is_known_by_the_end_of_its_day(
    hospital: dict[str, str], changed: Callable[..., Path], read: Read
) -> None:
    hospital["noteevents"] = hospital["noteevents"].replace("2160-07-02 05:00:00", "")
    tables = changed(hospital)
    ((time, known),) = read(
        tables, "notes", ("event_time", "available_time"), "note_id = 'noteevents-14'"
    )
    assert (time, known) == (at("00:00"), at("00:00", "2160-07-03"))


def test_own_notes_stand_beside_mimic3s(
    hospital: dict[str, str], changed: Callable[..., Path], read: Read
) -> None:
    own = "hadm_id,time,text\n201,2160-07-02,Seen on the ward.\n301,2140-01-02,A newborn's.\n"
    tables = changed(hospital, layout={"own_notes_file": own})
    columns = ("patient_id", "code", "available_time", "visit_id")
    found = read(tables, "notes", columns, "starts_with(note_id, 'own-')")
    assert found == [(2, "nursing", at("00:00", "2160-07-03"), 201)]
    dropped = read_json(tables.parent / "metrics.json")["dropped"]
    assert dropped["note/own_notes"] == {"unknown_admission": "<10"}


def test_the_demos_small_letters_and_unpacked_files_give_the_same(
    hospital: dict[str, str], changed: Callable[..., Path], tables: Path
) -> None:
    again = changed(hospital, layout={"small_letters": True, "unpacked": True})
    first = {path.name: path.read_bytes() for path in tables.iterdir()}
    assert {path.name: path.read_bytes() for path in again.iterdir()} == first


def test_a_split_by_period_says_why_there_is_none(
    hospital: dict[str, str], refused: Callable[..., str]
) -> None:
    message = refused(hospital, split__kind="temporal", split__cv_below_patients=0)
    assert "tables.split.kind: temporal: expected anchor_year_group of every patient" in message
    assert "does not tell in which years" in message


def test_all_unknown_units_are_named_at_once(
    hospital: dict[str, str], refused: Callable[..., str]
) -> None:
    charted = hospital["chartevents"].replace("|93|93|%|", "|93|93|furlong|")
    hospital["chartevents"] = charted.replace("|70|70|kg|", "|70|70|stone|")
    message = refused(hospital)
    assert "expected % or (none) for item 646 (spo2), found furlong in 1 rows" in message
    assert "expected (none) or kg for item 763 (weight), found stone in 1 rows" in message


def test_a_wrong_type_names_file_line_and_column(
    hospital: dict[str, str], refused: Callable[..., str]
) -> None:
    hospital["chartevents"] = hospital["chartevents"].replace("|88|88|BPM", "|88|secret|BPM")
    message = refused(hospital)
    assert "CHARTEVENTS.csv.gz: line 12: column valuenum: expected DOUBLE" in message
    assert "secret" not in message


SAME = {
    "samples": (),
    "stays": (),
    "visits": (),
    "label": (),
    "drugs": (),
    "splits": (),
    "static": ("age",),
    "dynamic": (),
    "notes": ("note_id",),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_hospital_in_mimic4s_layout_gives_the_same(
    name: str, tables: Path, as_mimic4: Path, read: Read
) -> None:
    schema = next(schema for schema in TABLES if schema.name == name)
    columns = [column.name for column in schema.columns if column.name not in SAME[name]]
    # MIMIC-IV has no item for the total of the coma scale
    where = (
        "NOT (code = 'gcs_total' AND value = 15 AND patient_id = 2)"
        if name == "dynamic"
        else "true"
    )
    ours = read(tables, name, columns, where)
    assert ours and ours == read(as_mimic4, name, columns)
