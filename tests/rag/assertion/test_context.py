"""Assertion: what the cues of a sentence say of its diseases."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from fusehr.rag.assertion.context import assertions
from fusehr.rag.assertion.cues import Assertion, CueTable
from fusehr.rag.assertion.sections import assertion_of, sentences

FOLDER = Path(__file__).parent
Pairs = list[tuple[str, str]]  # (labelled, found)


def said(sentence: str, *diseases: str, section: Assertion = Assertion.PRESENT) -> list[str]:
    """Assertions of `diseases`, each at its first place in the sentence."""
    starts = [(sentence.index(disease), disease) for disease in diseases]
    spans = [(start, start + len(disease)) for start, disease in starts]
    return [str(a) for a in assertions(sentence, spans, section=section)]


def compared(part: str, read: Callable[..., list[str]]) -> Pairs:
    """Labels of the sentences of a part and what `read` finds, sentence by sentence."""
    labelled: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with (FOLDER / f"{part}.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            labelled[row["sentence"]].append((row["concept"], row["assertion"]))
    return [
        (label, found)
        for sentence, rows in labelled.items()
        for (_, label), found in zip(rows, read(sentence, *(c for c, _ in rows)), strict=True)
    ]


def f1(pairs: Pairs, label: str) -> float:
    hits = pairs.count((label, label))
    return 2 * hits / (sum(a == label for a, _ in pairs) + sum(b == label for _, b in pairs))


def test_labelled_sentences_are_enough_and_of_every_kind() -> None:
    rows = []
    for part in ("development", "test"):
        with (FOLDER / f"{part}.csv").open(newline="", encoding="utf-8") as file:
            rows += [row | {"part": part} for row in csv.DictReader(file)]
    parts = ("development", "test")
    texts = {part: {r["sentence"] for r in rows if r["part"] == part} for part in parts}
    assert not texts["development"] & texts["test"]
    assert sum(map(len, texts.values())) >= 500
    assert all(row["sentence"].count(row["concept"]) == 1 for row in rows)
    for part in texts:
        assert {r["assertion"] for r in rows if r["part"] == part} == set(map(str, Assertion))
        kinds = {r["phenomenon"] for r in rows if r["part"] == part}
        assert kinds >= {"pseudo", "scope_end", "list", "post_posed", "multi", "section"}


def test_present_is_told_on_sentences_that_no_cue_was_tuned_on() -> None:
    pairs = compared("test", said)
    assert f1(pairs, "present") >= 0.95
    assert all(f1(pairs, label) >= 0.9 for label in map(str, Assertion))


def test_taking_every_mention_as_present_would_not_do() -> None:
    assert f1(compared("test", lambda _, *found: ["present"] * len(found)), "present") < 0.6


def test_negation_ends_where_the_sentence_turns() -> None:
    found = said("She denies fever but reports cough.", "fever", "cough")
    assert found == ["absent", "present"]


def test_negation_runs_through_a_list() -> None:
    found = said("No nausea, vomiting, or diarrhea.", "nausea", "vomiting", "diarrhea")
    assert found == ["absent"] * 3


@pytest.mark.parametrize(
    ("sentence", "disease"),
    [
        ("There was no increase in the effusion.", "effusion"),
        ("Not only gout was found.", "gout"),
        ("Gram negative sepsis was treated.", "sepsis"),
    ],
)
def test_what_looks_like_negation_and_is_none(sentence: str, disease: str) -> None:
    assert said(sentence, disease) == ["present"]


def test_a_cue_within_a_disease_is_none() -> None:
    assert said("He has absence of breath seizures.", "absence of breath seizures") == ["present"]
    assert said("He has absence of breath seizures.", "breath seizures") == ["absent"]


def test_family_comes_before_absence_and_absence_before_history() -> None:
    assert said("No family history of stroke.", "stroke") == ["family"]
    assert said("Family history: no stroke.", "stroke") == ["family"]
    assert said("No history of stroke.", "stroke") == ["absent"]
    assert said("History of stroke.", "stroke") == ["historical"]


def test_section_speaks_where_the_sentence_does_not() -> None:
    family = Assertion.FAMILY
    assert said("Diabetes.", "Diabetes", section=family) == ["family"]
    assert said("Denies gout.", "gout", section=Assertion.HISTORICAL) == ["absent"]


def test_a_denial_after_a_colon_is_of_what_follows_unless_nothing_does() -> None:
    assert said("Cardiac: denies angina.", "angina") == ["absent"]
    assert said("Angina: denies. Has gout.", "Angina", "gout") == ["absent", "present"]


def test_other_diseases_of_the_sentence_change_nothing_about_one() -> None:
    sentence = "Mother had gout, and the patient has asthma but no eczema."
    together = said(sentence, "gout", "asthma", "eczema")
    assert together == ["family", "present", "absent"]
    assert together == [said(sentence, disease)[0] for disease in ("gout", "asthma", "eczema")]


def test_an_empty_span_is_refused() -> None:
    with pytest.raises(ValueError, match="span with a word"):
        assertions("No fever.", [(2, 3)])


def test_without_cues_all_is_present() -> None:
    assert assertions("No fever.", [(3, 8)], cues=CueTable([], {})) == [Assertion.PRESENT]


def test_sentences_keep_their_place_and_know_their_section() -> None:
    note = "HPI: Seen by Dr. Ray. K was 3.5 today.\n\nFAMILY HISTORY\n\nGout.\n\nOF NOTE\nWell.\n"
    found = list(sentences(note))
    assert [s.text for s in found] == [
        "HPI: Seen by Dr. Ray.",
        "K was 3.5 today.",
        "FAMILY HISTORY",
        "Gout.",
        "OF NOTE",
        "Well.",
    ]
    assert all(note[s.start : s.start + len(s.text)] == s.text for s in found)
    before, own, after = ["present"] * 2, ["family"] * 2, ["present"] * 2
    assert [str(s.section) for s in found] == before + own + after


def test_headers_are_known_in_any_case() -> None:
    assert assertion_of("Past  Medical History") is Assertion.HISTORICAL
    assert assertion_of("Weather") is None
