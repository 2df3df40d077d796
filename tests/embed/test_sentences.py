"""Sentences and segments: nothing lost, decimals, abbreviations, headers and lists whole."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fusehr.embed.segments import segments
from fusehr.embed.sentences import sentence_spans, sentences

CASES = [
    (
        "WBC 12.5 and K 3.1. Pt seen by Dr. Lee at 3 p.m. today. Given 0.5 mg i.v. q.d. for pain.",
        [
            "WBC 12.5 and K 3.1.",
            "Pt seen by Dr. Lee at 3 p.m. today.",
            "Given 0.5 mg i.v. q.d. for pain.",
        ],
    ),
    ("Temp. 38.2. Plan: start vanc. 1.25 g.", ["Temp. 38.2.", "Plan: start vanc. 1.25 g."]),
    ("pt stable. denies cp. continue abx.", ["pt stable.", "denies cp.", "continue abx."]),
    ("Troponin neg. continue heparin.", ["Troponin neg.", "continue heparin."]),
    (
        "Approx. 2 cm lesion, e.g. a cyst vs. abscess. No fever.",
        ["Approx. 2 cm lesion, e.g. a cyst vs. abscess.", "No fever."],
    ),
    (
        "HISTORY OF PRESENT ILLNESS:\nMr. Jones is 80 y.o. and lives alone.\n\nVitals: BP 120/80",
        [
            "HISTORY OF PRESENT ILLNESS:",
            "Mr. Jones is 80 y.o. and lives alone.",
            "Vitals: BP 120/80",
        ],
    ),
    ("The wound is\nhealing well and\nclean.", ["The wound is healing well and clean."]),
    (
        "He was started on vancomycin and cefepime for suspected pneumonia by\nDr. Lee overnight.",
        ["He was started on vancomycin and cefepime for suspected pneumonia by Dr. Lee overnight."],
    ),
    ("Meds:\n- aspirin 81 mg\n- metoprolol", ["Meds:", "- aspirin 81 mg", "- metoprolol"]),
    ("1. CHF. Continue Lasix.\n2. COPD", ["1. CHF.", "Continue Lasix.", "2. COPD"]),
    ("\u2022 Neck: Supple. No JVD.\n* Skin", ["\u2022 Neck: Supple.", "No JVD.", "* Skin"]),
    ("Na 130\nK 4.1\nAfebrile", ["Na 130", "K 4.1", "Afebrile"]),
    ("", []),
    (" \n\t ", []),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_cases(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def check_spans(text: str) -> None:
    spans = sentence_spans(text)
    assert all(a < b for a, b in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert [" ".join(text[a:b].split()) for a, b in spans] == sentences(text)


WORDS = [
    "Dr.",
    "2.5",
    "mg",
    "q.d.",
    "pain",
    "No",
    "fever.",
    "PMH:",
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "?!",
]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS)).map(" ".join)))
@example("a.\u200b b. \u0085 c\x1c d")
@example("naïve 😀. Next\r\nline.\x0b end")
def test_nothing_is_lost_or_doubled(text: str) -> None:
    check_spans(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "bb c", "d."]), max_size=120), st.integers(1, 30))
def test_segments_are_even_and_keep_the_text(parts: list[str], most: int) -> None:
    made = segments(parts, most)
    assert len(made) == min(len(parts), most)
    assert " ".join(made) == " ".join(parts)
    if len(parts) <= most:
        assert made == parts
    else:
        # sizes by counting, with sentences that cannot be confused
        sizes = [len(s.split()) for s in segments([f"s{k}" for k in range(len(parts))], most)]
        assert max(sizes) - min(sizes) <= 1 and sum(sizes) == len(parts)
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.real
def test_real_notes_are_cut_without_loss(mirror: Path) -> None:
    csv.field_size_limit(10**9)
    with (mirror / "notes/aci-bench/valid.csv").open() as file:
        notes = [row["note"] for row in csv.DictReader(file)]
    for note in notes:
        check_spans(note)
    parts = [part for note in notes for part in sentences(note)]
    assert 800 < len(parts) < 1300
    assert not [part for part in parts if part.rsplit(" ", 1)[-1] in ("Dr.", "Mr.", "Ms.", "Mrs.")]
    assert sum(len(part) > 400 for part in parts) < 5
