"""What a text says of a patient, in which words and in which order."""

from __future__ import annotations

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.instructions import (
    named_classes,
    phenotype_titles,
    question,
    read_jsonl,
    short_titles,
)

HEART = "The patient-acquired disease is Congestive heart failure."


def test_sections_stand_in_the_seeds_words_and_order(clinic):
    clinic.visits[0].diagnoses = ["ICD9CM/4280", "ICD9CM/2749", "ICD9CM/9999"]
    clinic.visits[0].procedures = ["ICD9PCS/3995", "ICD9PCS/0000"]
    clinic.visits[0].drugs = ["warfarin", "aspirin ü"]
    assert clinic.make(statistics=False).sections("next_diagnoses-10") == [
        ("person", "The patient is a 67-year-old woman."),
        (
            "diseases",
            "The patient-acquired disease is Gout; Congestive heart failure; ICD9CM/9999.",
        ),
        (
            "operations",
            "The surgical operation performed by the patient: ICD9PCS/0000; Hemodialysis.",
        ),
        (
            "hints",
            "The medications that maybe have therapeutic effect on gout are allopurinol, zurampic.",
        ),
        ("medication", "The patient had used the following medication: aspirin ü, warfarin."),
    ]


def test_phenotypes_say_coarsely_what_titles_say_in_detail(clinic):
    clinic.visits[0].diagnoses = ["ICD9CM/2749", "ICD9CM/4280"]
    clinic.visits[0].phenotypes = ["congestive_heart_failure", "shock"]
    heart = short_titles()["congestive_heart_failure"]
    coarse = f"The patient-acquired disease is {heart}; shock."
    found = clinic.make(diseases="phenotypes", name="a")
    assert found.told("next_diagnoses-10", "diseases") == [coarse]
    assert found.told("next_diagnoses-10", "details") == []
    # of the visit before, too
    assert found.told("unlabelled-11", "earlier") == [
        f"At an earlier visit the patient-acquired disease was {heart}; shock."
    ]
    both = clinic.make(diseases="both", name="b").sections("next_diagnoses-10")
    assert [kind for kind, _ in both][-2:] == ["details", "medication"]
    assert ("diseases", coarse) in both
    assert dict(both)["details"] == "In detail: Gout; Congestive heart failure."


def test_offsets_count_characters_as_python_does(clinic):
    clinic.titles["hosp/d_icd_diagnoses"] += "100,9,Behçet 🦆 e\u0301 disease\n"
    clinic.visits[0].diagnoses = ["ICD9CM/100"]
    kinds = dict(clinic.make().sections("next_diagnoses-10"))
    assert kinds["diseases"] == "The patient-acquired disease is Behçet 🦆 e\u0301 disease."
    assert kinds["medication"].startswith("The patient had used")


@pytest.mark.parametrize(
    ("age", "sex", "text"),
    [
        (84.2, "M", "The patient is an 84-year-old man."),
        (18.0, "U", "The patient is an 18-year-old."),
        (7.99, "F", "The patient is a 7-year-old girl."),
        (None, "M", "The patient is a man."),
    ],
)
def test_a_person_as_far_as_known(clinic, age, sex, text):
    clinic.ages[1], clinic.sexes[1] = age, sex
    assert clinic.make().told("next_diagnoses-10", "person") == [text]


def test_who_is_not_known_at_all_has_a_text_that_says_so(clinic):
    clinic.ages[1], clinic.sexes[1] = None, "U"
    clinic.visits[0].diagnoses, clinic.visits[0].drugs, clinic.visits[0].phenotypes = [], [], []
    made = clinic.make()
    expected = [("person", "Nothing is known of the patient.")]
    assert made.sections("next_diagnoses-10") == expected


def test_age_and_sex_are_told_from_when_they_are_known(clinic):
    clinic.registered_hours = 49.0  # an hour after the index of mortality
    made = clinic.make("next_diagnoses", "mortality")
    assert made.told("mortality-10", "person") == []
    assert made.told("next_diagnoses-10", "person") == ["The patient is a 67-year-old woman."]


def test_earlier_visits_are_the_newest_first_and_no_more_than_asked_for(clinic):
    for day, code in ((-300, "ICD9CM/4019"), (-200, "ICD9CM/2749"), (-100, "ICD9CM/5849")):
        clinic.visits.append(type(clinic.visits[0])(1, 900 - day, day, [code]))
    clinic.summaries |= {f"{task}-{v.visit}": "fever." for task, v in clinic.others()}
    found = clinic.make("next_diagnoses", "mortality")
    expected = [
        "At an earlier visit the patient-acquired disease was Acute kidney failure.",
        "At an earlier visit the patient-acquired disease was Gout.",
    ]
    assert found.told("next_diagnoses-10", "earlier") == expected
    assert found.told("mortality-10", "earlier") == expected
    assert clinic.make(earlier_visits=0).told("next_diagnoses-10", "earlier") == []


def test_answers_name_the_next_visits_classes_and_no_outcome(clinic):
    clinic.visit(11).phenotypes = ["shock", "acute_renal_failure"]
    clinic.visit(21).phenotypes = []
    clinic.visit(10).died = True
    made = clinic.make("next_diagnoses", "mortality", "triage")
    output = made.rows["output"]
    assert output["next_diagnoses-10"] == (
        "Disease that the patient may acquire: Acute and unspecified renal failure, Shock"
    )
    assert named_classes(output["next_diagnoses-10"], phenotype_titles()) == {
        "shock",
        "acute_renal_failure",
    }
    assert output["next_diagnoses-20"] == "Disease that the patient may acquire: none of them"
    assert output["mortality-10"] == "The patient dies in the hospital."
    assert output["mortality-20"] == "The patient leaves the hospital alive."
    assert [output[f"triage-{i}0"] for i in (3, 1, 2)] == [
        "Urgency: high.",
        "Urgency: medium.",
        "Urgency: low.",
    ]
    assert made.rows["instruction"]["triage-10"] == question("triage")


def test_other_tasks_tell_what_was_known_by_the_index(clinic):
    clinic.orders = [(1, 10, -1.0, "earlier"), (1, 11, 47.0, "warfarin"), (1, 11, 3.0, "aspirin")]
    clinic.orders += [(1, 11, 49.0, "too late"), (1, 11, 20.0, "aspirin"), (1, 10, 5.0, "past")]
    made = clinic.make("mortality")
    assert made.sections("mortality-11") == [
        ("person", "The patient is a 67-year-old woman."),
        (
            "earlier",
            "At an earlier visit the patient-acquired disease was Congestive heart failure.",
        ),
        ("medication", "The patient had used the following medication: aspirin, warfarin."),
        ("summary", "fever. gout."),
    ]
    # a visit's own codes are billed after it
    assert "Congestive" not in made.input("mortality-10")
    assert clinic.make("mortality", medication=False).told("mortality-11", "medication") == []


def test_files_have_the_tables_rows_in_the_seeds_form(clinic):
    made = clinic.make("next_diagnoses", "mortality")
    assert {name: len(rows) for name, rows in made.files.items()} == {
        "mortality_test.json": 3,
        "mortality_train.json": 7,
        "mortality_val.json": 2,
        "next_diagnoses_test.json": 1,
        "next_diagnoses_train.json": 2,
        "next_diagnoses_unlabelled.json": 5,
        "next_diagnoses_val.json": 1,
    }
    first = made.files["next_diagnoses_train.json"][0]
    assert list(first) == ["instruction", "input", "output"]
    row = made.rows.loc["next_diagnoses-10"]
    assert first == {key: row[key] for key in first}
    assert {tuple(row) for row in made.files["next_diagnoses_unlabelled.json"]} == {
        ("instruction", "input")
    }
    assert len(read_jsonl(clinic.folder / "out" / "next_diagnoses_train.json")) == 2
    assert made.metrics == {
        "texts": 21,
        "unlabelled": 5,
        "mean_characters": round(made.rows["input"].str.len().mean(), 1),
    }
    assert made.fitted["texts"]["next_diagnoses"] == {
        "test": 1,
        "train": 2,
        "unlabelled": 5,
        "val": 1,
    }


def test_the_same_tables_give_the_same_bytes(clinic):
    clinic.make("next_diagnoses", "triage", name="first")
    clinic.make("triage", "next_diagnoses", name="second")
    first = {p.name: p.read_bytes() for p in (clinic.folder / "first").iterdir()}
    assert first == {p.name: p.read_bytes() for p in (clinic.folder / "second").iterdir()}
    assert "instructions.parquet" in first and ".duckdb" not in first


def test_a_task_without_samples_is_absent(clinic):
    clinic.visits = clinic.visits[:8]
    clinic.summaries = {f"{task}-{v.visit}": "fever." for task, v in clinic.others()}
    made = clinic.make("next_diagnoses", "deterioration", "mortality")
    assert set(made.rows["task"]) == {"mortality"} and set(made.fitted["texts"]) == {"mortality"}


def test_a_sample_without_a_summary_stops_the_stage(clinic):
    del clinic.summaries["mortality-20"]
    clinic.make("next_diagnoses")
    with pytest.raises(InputError, match=r"summaries.*sample_id: expected mortality-20, found no"):
        clinic.make("mortality")
