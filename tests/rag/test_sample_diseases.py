"""Which diseases and drugs a sample is said to have; one patient, notes written for the case."""

from __future__ import annotations

import pytest


def diseases(tables, sample="s-mortality"):
    facts = tables["facts"]
    chosen = facts[(facts["sample_id"] == sample) & (facts["kind"] == "definition")]
    return {text.split(":")[0] for text in chosen["text"]}


def summary(tables, sample="s-mortality"):
    return tables["summaries"].set_index("sample_id")["text"][sample]


def own_pairs(tables, sample="s-mortality"):
    facts = tables["facts"]
    chosen = facts[(facts["sample_id"] == sample) & (facts["kind"] == "own_pair")]
    return list(chosen["text"])


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("Pt has gout and sarcoidosis.", {"gout", "sarcoidosis"}),
        ("No evidence of gout.", set()),
        ("Mother had gout.", set()),
        ("Evaluate for gout if pain recurs.", set()),
        ("History of gout, resolved.", {"gout"}),
        ("PMH:\n- gout\n", {"gout"}),
    ],
)
def test_only_what_the_patient_has_or_had(hospital, note, expected):
    hospital.notes = [(3, note)]
    assert diseases(hospital.run()) == expected


def test_past_and_present_are_told_apart(hospital):
    hospital.notes = [(3, "PMH:\n- sarcoidosis\nAssessment:\nHistory of gout, resolved.")]
    text = summary(hospital.run())
    assert "the patient has sarcoidosis" in text
    assert "the patient once had gout" in text


def test_the_last_note_decides(hospital):
    hospital.notes = [(3, "Pt has gout."), (30, "No evidence of gout.")]
    assert diseases(hospital.run()) == set()
    hospital.notes = [(3, "No evidence of gout."), (30, "Pt has gout.")]
    assert diseases(hospital.run()) == {"gout"}


def test_a_relatives_disease_does_not_undo_the_patients(hospital):
    hospital.notes = [(3, "Pt has gout."), (30, "Mother had gout.")]
    assert diseases(hospital.run()) == {"gout"}


def test_notes_and_drugs_after_the_index_are_not_seen(hospital):
    hospital.notes = [(3, "Pt has sarcoidosis."), (49, "Pt has asthma.")]
    hospital.drugs = [(49, "propranolol")]
    tables = hospital.run()
    assert diseases(tables) == {"sarcoidosis"} and own_pairs(tables) == []
    assert diseases(tables, "s-next") == {"sarcoidosis", "asthma"}


def test_codes_come_after_billing_and_never_against_a_note(hospital):
    hospital.earlier_codes = ["ICD10CM/M069"]  # rheumatoid arthritis
    hospital.codes = ["ICD10CM/M3500"]  # sicca syndrome, billed after the visit
    tables = hospital.run()
    assert diseases(tables) == {"rheumatoid arthritis"}
    assert diseases(tables, "s-next") == {"rheumatoid arthritis", "sjogren syndrome"}
    hospital.notes = [(3, "No signs of rheumatoid arthritis.")]
    assert diseases(hospital.run()) == set()


def test_own_pairs_are_of_drugs_and_diseases_that_the_patient_has(hospital):
    hospital.notes = [(3, "Pt has HTN. No cardiogenic shock.")]
    hospital.drugs = [(1, "metoprolol tartrate")]
    found = own_pairs(hospital.run())
    assert found == ["metoprolol is indicated for essential hypertension"]
    hospital.drugs = [(-850, "metoprolol tartrate")]  # of the visit before
    assert own_pairs(hospital.run()) == []


def test_a_finding_that_is_denied_counts_as_denied(hospital):
    hospital.notes = [(3, "Denies falls. Reports leg cramps."), (9, "Denies falls.")]
    counts = hospital.run()["fact_counts"]
    found = counts[counts["sample_id"] == "s-mortality"].set_index("feature")["value"]
    assert found.to_dict() == {"finding/falls/absent": 2.0, "finding/leg cramps/present": 1.0}


def test_a_fact_about_what_the_patient_shows_comes_first(hospital):
    hospital.notes = [(3, "Pt has heart failure.")]

    def first(tables):
        facts = tables["facts"]
        return facts[(facts["kind"] == "disease") & (facts["sample_id"] == "s-mortality")][
            "text"
        ].iloc[0]

    assert "orthopnea" not in first(hospital.run())
    hospital.notes = [(3, "Pt has heart failure. Reports orthopnea.")]
    assert first(hospital.run()) == "heart failure presents with orthopnea"


def test_values_far_from_the_usual_are_signals(hospital):
    hospital.values = [(40, "heart_rate", 80.0), (47, "heart_rate", 132.4), (47, "ph", 7.4)]
    hospital.values += [(50, "sbp", 60.0)]
    signals = hospital.run(signals={"z": 2.0})["signals"]
    chosen = signals[signals["sample_id"] == "s-mortality"]
    assert list(chosen["text"]) == ["heart rate too high (132 bpm)"]
    assert chosen["z"].iloc[0] == pytest.approx((132.4 - 80) / 10, abs=1e-4)


def test_a_patient_of_whom_nothing_is_known_has_a_summary(hospital):
    tables = hospital.run()
    assert summary(tables) == "nothing abnormal and no disease is known."
    assert len(tables["texts"]) == 1


def test_side_effects_of_own_drugs_on_demand(hospital):
    hospital.notes = [(3, "Pt has gout.")]
    hospital.drugs = [(1, "morphine")]
    assert not (hospital.run()["facts"]["kind"] == "drug").any()
    facts = hospital.run(triples_per_drug=2)["facts"]
    told = facts[(facts["kind"] == "drug") & (facts["sample_id"] == "s-mortality")]
    assert 1 <= len(told) <= 2 and told["text"].str.startswith("morphine may cause").all()


def test_drugs_that_the_patient_does_not_take_stay_out_unless_asked_for(hospital):
    hospital.notes = [(3, "Pt has gout.")]
    about_drugs = hospital.run()["facts"]["text"].str.contains("indicated")
    assert not about_drugs.any()
    asked = hospital.run(unprescribed_drugs=True)["facts"]
    assert asked.loc[asked["kind"] == "disease", "text"].str.contains("indicated").any()


def test_explanation_shows_what_was_seen(hospital):
    from fusehr.core.frame.errors import InputError
    from fusehr.rag.explain import explain

    hospital.notes = [(3, "Pt has gout. Denies falls.")]
    hospital.values = [(47, "heart_rate", 132.0)]
    hospital.run()
    text = explain(hospital.tables, hospital.rag, "s-mortality")
    assert "'gout' is present: disease gout" in text
    assert "'falls' is absent: finding falls" in text
    assert "heart rate too high (132 bpm), z +5.2" in text
    with pytest.raises(InputError, match="expected sample s-none"):
        explain(hospital.tables, hospital.rag, "s-none")
