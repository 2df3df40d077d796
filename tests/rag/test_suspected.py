"""Diseases that abnormal values alone suggest; one patient, values written for the case."""

from __future__ import annotations

import pytest

SUGGESTED = {"signals": {"diseases": 4}}
SEPTIC = [(3, "temperature", 39.4), (4, "lactate", 5.0), (5, "wbc", 22.0)]


def facts(tables, sample="s-mortality"):
    found = tables["facts"]
    return list(found[found["sample_id"] == sample].sort_values("rank")["text"])


def suspected(tables, sample="s-mortality"):
    """In their order: of each its definition stands last."""
    found = tables["facts"]
    chosen = found[(found["sample_id"] == sample) & (found["kind"] == "definition")]
    return [text.split(":")[0] for text in chosen.sort_values("rank")["text"]]


def summary(tables, sample="s-mortality"):
    return tables["summaries"].set_index("sample_id")["text"][sample]


def test_without_a_note_or_code_facts_are_of_what_values_suggest(hospital):
    hospital.values = SEPTIC
    tables = hospital.run(**SUGGESTED)
    assert suspected(tables)[0] == "sepsis"
    assert set(facts(tables)[:3]) == {
        "sepsis presents with elevated lactate",
        "sepsis presents with fever",
        "sepsis presents with leukocytosis",
    }
    assert facts(tables)[3].startswith("sepsis: ")
    assert len(suspected(tables)) == 4
    # the patient is not said to have it
    assert "sepsis presents with fever" in summary(tables)
    assert "the patient has" not in summary(tables)
    assert tables["fact_counts"].empty


def test_nothing_is_suspected_by_default(hospital):
    hospital.values = SEPTIC
    tables = hospital.run()
    assert facts(tables) == []
    assert len(tables["signals"]) == 3 * 2  # of both samples


def test_only_values_known_by_the_index_suggest_anything(hospital):
    hospital.values = [(60, name, value) for _, name, value in SEPTIC]
    assert facts(hospital.run(**SUGGESTED)) == []


def test_rare_signs_weigh_more_and_signs_add_up(hospital):
    hospital.values = [(3, "temperature", 39.4)]
    by_fever = suspected(hospital.run(**SUGGESTED))
    hospital.values = [(3, "temperature", 39.4), (4, "sodium", 120.0)]
    both = suspected(hospital.run(**SUGGESTED))
    assert len(by_fever) == 4
    # far fewer diseases lead to hyponatremia than present with fever
    assert both != by_fever and "hyponatremia" in both
    assert facts(hospital.run(**SUGGESTED))[0].endswith(("hyponatremia", "fever"))


def test_a_value_that_is_usual_is_no_sign(hospital):
    """Within the reference range, however far from a cohort's mean it may be."""
    hospital.values = [(3, "temperature", 37.7), (4, "lactate", 1.9)]
    assert facts(hospital.run(signals={"diseases": 4, "z": 0.5})) == []


def test_what_a_note_denies_is_not_suspected(hospital):
    hospital.values = SEPTIC
    hospital.notes = [(3, "Pt has sepsis."), (30, "No evidence of sepsis.")]
    tables = hospital.run(**SUGGESTED)
    assert len(suspected(tables)) == 4 and "sepsis" not in suspected(tables)
    assert not [text for text in facts(tables) if text.startswith("sepsis ")]


def test_what_a_note_tells_comes_first_and_once(hospital):
    hospital.values = SEPTIC
    hospital.notes = [(3, "Pt has sepsis.")]
    alone = facts(hospital.run())
    both = facts(hospital.run(**SUGGESTED))
    assert both[: len(alone)] == alone and len(both) > len(alone)
    assert len(set(both)) == len(both)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("potassium", 6.4, "hyperkalemia: "),
        ("sodium", 124.0, "hyponatremia: "),
        ("platelets", 40.0, "thrombocytopenia: "),
        ("hemoglobin", 6.0, "anemia: "),
    ],
)
def test_a_value_that_is_a_disease_by_name_is_told_with_its_definition(hospital, name, value, told):
    hospital.values = [(3, name, value)]
    assert [text for text in facts(hospital.run(signals={"diseases": 20})) if told in text]


def test_kinds_of_notes_that_are_not_read_are_named(hospital, capsys):
    hospital.notes = [(3, "Pt has gout."), (5, "Pt has asthma.")]
    hospital.run(note_kinds=["progress"])
    said = capsys.readouterr().out
    assert "rag: not among rag.note_kinds, so left out: nursing (2)\n" in said
    assert "gout" not in said
