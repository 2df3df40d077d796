"""Visits without a next one: never labelled, and only of patients who train."""

from __future__ import annotations


def unlabelled(made):
    return sorted(i for i, row in made.rows.iterrows() if not row["labelled"])


def test_last_visits_of_train_patients_have_a_text_and_no_answer(clinic):
    made = clinic.make()
    assert unlabelled(made) == [f"unlabelled-{n}" for n in (11, 21, 50, 60, 80)]
    assert made.rows.loc[unlabelled(made), "output"].isna().all()
    assert made.told("unlabelled-11", "diseases") == [
        "The patient-acquired disease is Acute kidney failure."
    ]
    assert made.told("unlabelled-11", "earlier") == [
        "At an earlier visit the patient-acquired disease was Congestive heart failure."
    ]


def test_who_has_no_next_visit_is_never_labelled_with_the_own_one(clinic):
    made = clinic.make()
    labelled = made.rows[made.rows["labelled"]]
    assert sorted(labelled.index) == [f"next_diagnoses-{i}0" for i in (1, 2, 3, 4)]
    followed = {visit.patient for visit in clinic.visits if visit.day > 0}
    assert set(labelled["patient_id"]) == followed
    # the answer is the next visit's, not the one that the text tells of
    assert labelled["output"].str.endswith("Acute and unspecified renal failure").all()


def test_deaths_and_visits_that_were_not_coded_are_left_out(clinic):
    clinic.visit(50).died = True
    clinic.visit(21).diagnoses = []
    assert unlabelled(clinic.make()) == ["unlabelled-11", "unlabelled-60", "unlabelled-80"]


def test_with_cross_validation_every_patient_trains_at_some_time(clinic):
    clinic.folds = {patient: f"cv{patient % 4}" for patient in clinic.folds}
    made = clinic.make()
    assert len(unlabelled(made)) == 8
    assert sorted(made.files) == [
        "next_diagnoses_cv0.json",
        "next_diagnoses_cv1.json",
        "next_diagnoses_cv2.json",
        "next_diagnoses_cv3.json",
        "next_diagnoses_unlabelled.json",
    ]
