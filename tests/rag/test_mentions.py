"""Mentions: names as they stand in text, and nothing else."""

from __future__ import annotations

import pytest

from fusehr.rag.everyday import with_everyday
from fusehr.rag.mentions import Mention, MentionFinder

NAMES = [
    (4, "diabetes mellitus"),
    (9, "type 2 diabetes mellitus"),
    (2, "heart failure"),
    (7, "anemia"),
    (5, "MS"),
    (5, "multiple sclerosis"),
    (6, "TIA"),
    (8, "Hodgkin lymphoma"),
    (1, "infection"),
    (3, "Alzheimer's disease"),
    (11, "stenosis"),
    (12, "COVID-19"),
]


def found(sentence: str) -> list[tuple[str, int]]:
    return [(m.text, m.node_index) for m in MentionFinder(NAMES).find(sentence)]


def test_the_longest_name_counts_and_places_are_kept() -> None:
    sentence = "Known Type 2  diabetes mellitus, anemia."
    assert MentionFinder(NAMES).find(sentence) == [
        Mention(6, 31, "Type 2  diabetes mellitus", 9),
        Mention(33, 39, "anemia", 7),
    ]


@pytest.mark.parametrize(
    ("sentence", "text", "node"),
    [
        ("heart-failure admission", "heart-failure", 2),
        ("HEART FAILURE", "HEART FAILURE", 2),
        ("several infections", "infections", 1),
        ("severe stenoses", "stenoses", 11),
        ("anaemia of old age", "anaemia", 7),
        ("Alzheimer disease", "Alzheimer disease", 3),
        ("the patient's Alzheimer\u2019s disease", "Alzheimer\u2019s disease", 3),
        ("two TIAs", "TIAs", 6),
        ("Covid-19 again", "Covid-19", 12),
        ("multiple sclreosis", "multiple sclreosis", 5),
        ("mutliple sclerosis", "mutliple sclerosis", 5),
        ("diabetis mellitus", "diabetis mellitus", 4),
        ("diabettes mellitus", "diabettes mellitus", 4),
    ],
)
def test_spellings_of_a_name(sentence: str, text: str, node: int) -> None:
    assert found(sentence) == [(text, node)]


@pytest.mark.parametrize(
    "sentence",
    [
        "seen by ms Jones",  # an abbreviation in another case
        "anemialike",  # no word's end
        "heart, failure",  # a sign between the words
        "an injection",  # a real word, one letter off
        "non-Hodgkin lymphoma",
        "infection-free",
        "anmia",  # a short word with an error
        "mitsia",
        "",
    ],
)  # fmt: skip
def test_what_is_no_name(sentence: str) -> None:
    assert found(sentence) == []


def test_errors_are_left_alone_when_asked_so() -> None:
    assert MentionFinder(NAMES, typing_errors=False).find("multiple sclreosis") == []


def test_an_error_between_two_words_of_the_dictionary_is_not_mended() -> None:
    finder = MentionFinder([(1, "fibrositis"), (2, "fibrosatis")])
    assert finder.find("fibrosotis") == []


def test_the_first_node_has_a_shared_name() -> None:
    assert MentionFinder([(8, "gout"), (3, "Gout")]).find("gout")[0].node_index == 8


def test_names_within_other_things_are_not_found() -> None:
    finder = MentionFinder([(1, "CVA"), (2, "COVID-19"), (3, "disease")])
    sentence = "CVA tenderness, COVID-19 vaccine given, no disease; CVA in May"
    assert [m.text for m in finder.find(sentence)] == ["CVA"]
    assert finder.find(sentence)[0].start == sentence.rindex("CVA")


def test_daily_names_are_added_to_nodes_that_have_none() -> None:
    names = with_everyday([(4, "hypertension"), (6, "diabetes mellitus"), (9, "HTN")])
    assert names[:3] == [(4, "hypertension"), (6, "diabetes mellitus"), (9, "HTN")]
    added = {name: node for node, name in names[3:]}
    assert added["high blood pressure"] == 4
    assert added["diabetes"] == 6
    assert "HTN" not in added
    assert "heart attack" not in added
