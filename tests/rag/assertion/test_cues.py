"""Cues: the table is checked, and the longest cue is found."""

from __future__ import annotations

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.rag.assertion.cues import CueTable, default_cues, read_cue
from fusehr.rag.words import words


def row(cue: str, category: str, direction: str, scope: str = "", ends: str = "") -> dict[str, str]:
    return {"cue": cue, "category": category, "direction": direction, "scope": scope, "ends": ends}


def found(table: CueTable, sentence: str) -> list[str]:
    spoken = words(sentence)
    return [f.cue.text for f in table.find(spoken, [False] * len(spoken))]


def test_the_longest_cue_counts() -> None:
    assert found(default_cues(), "no increase") == ["no <course>"]
    assert found(default_cues(), "No gout") == ["no"]


def test_classes_stand_for_their_words() -> None:
    rows = [row("in <year>", "historical", "forward"), row("<kin> with", "family", "forward")]
    table = CueTable(map(read_cue, rows), {"kin": ["mother"]})
    assert found(table, "in 2015 and in 3000, Mother with") == ["in <year>", "<kin> with"]


def test_words_that_are_hidden_hold_no_cue() -> None:
    spoken = words("no fever")
    assert default_cues().find(spoken, [True, False]) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (row("no", "gone", "forward"), "'no': 'gone' is not a valid Assertion"),
        (row("no", "absent", "sideways"), "'sideways' is not a valid Direction"),
        (row("no", "absent", "pseudo"), "expected a category unless"),
        (row("no", "", "forward"), "expected a category unless"),
        (row("no", "absent|family", "forward"), "expected one category"),
        (row("no", "absent", "forward", scope="few"), "invalid literal"),
    ],
)
def test_a_wrong_row_is_named(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=r"cues\.csv") as error:
        read_cue(wrong)
    assert message in str(error.value)


def test_a_cue_stated_twice_and_an_unknown_class_are_refused() -> None:
    cue = read_cue(row("no", "absent", "forward"))
    with pytest.raises(InputError, match="found 'no' twice"):
        CueTable([cue, cue], {})
    with pytest.raises(InputError, match="found <moon>"):
        CueTable([read_cue(row("<moon> of", "absent", "forward"))], {})
