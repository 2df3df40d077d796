"""Nothing of the future, and of who is tested nothing at all, is in a train patient's text."""

from __future__ import annotations

import pytest

from fusehr.core.frame.errors import LeakError
from fusehr.distill.data import tables


@pytest.fixture
def varied(clinic):
    """Phenotypes and drugs that differ between visits, so that statistics can change."""
    clinic.edges.append((4, "indication", 1))
    for number in (50, 60, 70):
        visit = clinic.visit(number)
        visit.diagnoses, visit.phenotypes, visit.drugs = ["ICD9CM/4019"], ["shock"], ["aspirin"]
    return clinic


def changed(visit):
    visit.diagnoses = ["ICD9CM/2749", "ICD9CM/4019"]
    visit.phenotypes = ["pneumonia", "shock"]
    visit.procedures = ["ICD9PCS/3995"]
    visit.drugs = ["aspirin", "changed"]


def inputs(made, patients):
    rows = made.rows[made.rows["patient_id"].isin(patients)]
    return rows["input"].to_dict()


TRAIN, OTHERS = {1, 2, 5, 6, 8}, {3, 4, 7}


def test_codes_of_val_and_test_patients_change_no_train_text_and_nothing_fitted(varied):
    before = varied.make("next_diagnoses", "mortality", name="before")
    for visit in varied.visits:
        if visit.patient in OTHERS:
            changed(visit)
    after = varied.make("next_diagnoses", "mortality", name="after")
    assert before.fitted["statistics"]["drugs"]
    assert after.fitted == before.fitted
    assert inputs(after, TRAIN) == inputs(before, TRAIN)
    assert inputs(after, OTHERS) != inputs(before, OTHERS)


def test_codes_of_the_next_visit_change_labels_but_no_text_that_comes_before(varied):
    before = varied.make("next_diagnoses", "mortality", name="before")
    nexts = [visit for visit in varied.visits if visit.day > 0]
    for visit in nexts:
        changed(visit)
    after = varied.make("next_diagnoses", "mortality", name="after")
    assert after.fitted["statistics"] == before.fitted["statistics"]
    # only their own texts tell of them
    own = {f"unlabelled-{visit.visit}" for visit in nexts}
    different = before.rows.index[before.rows["input"] != after.rows["input"]]
    assert set(different) == own & set(before.rows.index) != set()
    labelled = [f"next_diagnoses-{i}0" for i in (1, 2, 3, 4)]
    assert (before.rows["output"][labelled] != after.rows["output"][labelled]).all()


def test_what_a_train_patient_comes_to_later_is_not_in_the_text(varied):
    before = varied.make("next_diagnoses", "mortality", name="before")
    later = varied.visit(11)
    later.day, later.died = 400, True
    changed(later)
    varied.orders = [(1, 11, 5.0, "changed")]
    after = varied.make("next_diagnoses", "mortality", name="after")
    for sample in ("next_diagnoses-10", "mortality-10"):
        assert after.input(sample) == before.input(sample)
    assert "changed" in after.input("mortality-11")


def test_a_train_patients_own_first_visit_is_what_statistics_are_fitted_on(varied):
    before = varied.make(name="before")
    changed(varied.visit(10))
    after = varied.make(name="after")
    assert after.fitted["statistics"] != before.fitted["statistics"]


def test_the_gate_stops_visits_without_a_label_too(varied, monkeypatch):
    run = tables.run_sql

    def later(con, name, params=None):
        found = run(con, name, params)
        if name == "unlabelled.sql":
            con.execute(
                "UPDATE every_sample SET index_time = index_time - INTERVAL 30 DAY "
                "WHERE starts_with(sample_id, 'unlabelled-')"
            )
        return found

    monkeypatch.setattr("fusehr.distill.data.write.run_sql", later)
    with pytest.raises(LeakError, match="the first of sample unlabelled-"):
        varied.make()
