"""Drugs said to help: what the graph tells, and what train patients' first visits show."""

from __future__ import annotations

import pytest

START = "The medications that maybe have therapeutic effect on "


def hints(made, sample="next_diagnoses-10"):
    return [text.removeprefix(START) for text in made.told(sample, "hints")]


@pytest.fixture
def mixed(clinic):
    """Of the train patients' first visits two more, without heart failure and digoxin."""
    for number in (50, 60):
        visit = clinic.visit(number)
        visit.diagnoses, visit.phenotypes, visit.drugs = ["ICD9CM/4019"], [], ["aspirin"]
    return clinic


def test_statistics_are_lifts_among_first_visits_of_train_patients(mixed):
    made = mixed.make(graph=False)
    # first visits of patients 1, 2, 5, 6, 8: three with both of five, so 3 * 5 / (3 * 3)
    assert made.fitted["statistics"] == {
        "from": "train",
        "train_patients": 5,
        "drugs": {
            "congestive_heart_failure": [{"drug": "digoxin", "lift": 1.666667, "patients": 3}]
        },
    }
    title = "congestive heart failure"
    assert hints(made) == hints(made, "next_diagnoses-30") == [f"{title} are digoxin."]


@pytest.mark.parametrize("changes", [{"min_patients": 4}, {"min_lift": 1.7}])
def test_rare_and_weak_pairs_give_no_hint(mixed, changes):
    made = mixed.make(graph=False, **changes)
    assert made.fitted["statistics"]["drugs"] == {} and hints(made) == []


def test_the_best_lift_comes_first_and_names_break_ties(mixed):
    for number in (10, 20, 80):
        mixed.visit(number).drugs = ["digoxin", "captopril", "aspirin", "common"]
    mixed.visit(50).drugs = ["common", "aspirin"]
    made = mixed.make(graph=False, most_drugs=2)
    assert hints(made) == ["congestive heart failure are captopril, digoxin."]


def test_the_graph_comes_first_and_what_it_covers_is_not_told_again(mixed):
    mixed.visit(10).diagnoses = ["ICD9CM/2749", "ICD9CM/4280"]
    assert [text.split(" are ")[0] for text in hints(mixed.make())] == [
        "gout",
        "congestive heart failure",
    ]
    mixed.edges.append((4, "indication", 1))  # of heart failure, which code 4280 is
    made = mixed.make()
    assert hints(made) == ["gout are allopurinol, zurampic.", "heart failure are digoxin."]
    assert hints(mixed.make(most_diseases=1)) == ["gout are allopurinol, zurampic."]
    assert hints(mixed.make(most_diseases=0)) == []


def test_a_disease_is_told_once_however_many_codes_it_has(mixed):
    mixed.codes.append((0, "ICD9CM/4280"))
    mixed.visit(10).diagnoses = ["ICD9CM/2749", "ICD9CM/4280"]
    made = mixed.make(statistics=False, most_drugs=1)
    assert hints(made) == ["gout are allopurinol."]
    assert made.fitted["statistics"]["from"] == "not asked for"


def test_only_indications_of_the_visit_just_ended_are_hints(mixed):
    mixed.edges = [(4, "contraindication", 1), (5, "off-label use", 1), (3, "indication", 0)]
    mixed.visit(10).diagnoses = ["ICD9CM/2749"]
    made = mixed.make(statistics=False)
    assert hints(made) == ["gout are allopurinol."]
    assert hints(made, "unlabelled-11") == []
    assert hints(mixed.make(graph=False, statistics=False)) == []


def test_with_cross_validation_nothing_is_fitted(mixed):
    mixed.folds = {patient: f"cv{patient % 4}" for patient in mixed.folds}
    mixed.visit(10).diagnoses = ["ICD9CM/2749"]
    made = mixed.make()
    assert made.fitted["statistics"]["drugs"] == {}
    assert made.fitted["statistics"]["train_patients"] == 0
    assert made.fitted["statistics"]["from"].startswith("nobody")
    assert hints(made) == ["gout are allopurinol, zurampic."]
