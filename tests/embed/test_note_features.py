"""Only what a note asserts of the patient now counts."""

from __future__ import annotations

import pytest

from fusehr.embed.note_features import note_features


@pytest.mark.parametrize(
    ("sentence", "count"),
    [
        ("Pt reports fever and cough.", 2),
        ("Fever. Fever again.", 1),
        ("No fever or cough.", 0),
        ("Denies chest pain but reports nausea.", 1),
        ("No fever; cough persists.", 1),
        ("Chest pain was ruled out.", 0),
        ("Fever is not ruled out.", 1),
        ("No change in dyspnea.", 1),
        ("Mother had seizures.", 0),
        ("Return for chest pain or fever.", 0),
        ("History of syncope, now with dizziness.", 1),
        ("Without edema, however dyspnea is worse.", 1),
        ("Painful, feverish and coughing.", 0),
    ],
)
def test_symptoms(sentence: str, count: int) -> None:
    assert note_features([sentence]).symptom_count == count


def test_all_six() -> None:
    features = note_features(
        [
            "Plan:",
            "Severe dyspnea, rapidly worsening.",
            "Given furosemide and Aspirin.",
            "No deterioration of renal function.",
        ]
    )
    assert (features.symptom_count, features.medication_count) == (1, 2)
    assert features.condition_severity == 3 and features.has_deterioration
    assert features.deterioration_intensity == 1 and features.sentence_count == 3


def test_denied_deterioration_is_none() -> None:
    features = note_features(["No worsening overnight."])
    assert not features.has_deterioration and features.deterioration_intensity == 0


def test_a_note_without_text_has_nothing() -> None:
    assert note_features([]).sentence_count == 0
