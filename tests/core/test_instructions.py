"""JSONL and soft labels: what is written is read back, what is not whole is named."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import TASKS
from fusehr.core.instructions import (
    ANSWERS,
    NOTHING,
    OUTPUT_START,
    SEPARATOR,
    Instruction,
    named_classes,
    phenotype_titles,
    question,
    read_jsonl,
    read_soft_labels,
    write_jsonl,
    write_soft_labels,
)
from fusehr.tables.phenotypes import phenotype_names

TITLES = phenotype_titles()
GOOD = '{"instruction": "a", "input": "b", "output": "c"}'
ROWS = st.builds(Instruction, st.text(), st.text(), st.none() | st.text())


def test_titles_are_those_of_the_tables() -> None:
    names = phenotype_names()
    assert list(TITLES.items()) == list(zip(names["phenotype"], names["title"], strict=True))
    assert not any(SEPARATOR in title for title in TITLES.values())


def test_every_task_has_a_question_and_tells_its_answers_apart() -> None:
    assert len({question(task) for task in TASKS}) == len(TASKS)
    assert all(title in question("next_diagnoses") for title in TITLES.values())
    for task in TASKS:
        if task != "next_diagnoses":
            assert len(set(ANSWERS[task].values())) == len(ANSWERS[task]) >= 2


@given(st.lists(ROWS, min_size=1))
def test_lines_are_read_as_they_were_written(rows: list[Instruction]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        write_jsonl(path, rows)
        assert read_jsonl(path) == rows


def test_a_line_is_one_object_in_the_seeds_form(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    write_jsonl(path, [Instruction("a", "ü\u2028", "c"), Instruction("a", "b")])
    first, second, end = path.read_text(encoding="utf-8").split("\n")
    assert first == '{"instruction": "a", "input": "ü\u2028", "output": "c"}'
    assert second == '{"instruction": "a", "input": "b"}' and end == ""


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([GOOD, GOOD[:-7]], "line 2: expected a whole JSON object, found it broken at character"),
        ([GOOD, "", GOOD], "line 2: expected a whole JSON object"),
        ([GOOD, "[1]"], "line 2: expected a JSON object, found list"),
        (['{"input": "b"}'], "line 1: key instruction: expected a string, found no such key"),
        (['{"instruction": "a"}'], "line 1: key input: expected a string, found no such key"),
        (['{"instruction": "a", "input": 3}'], "line 1: key input: expected a string, found int"),
        (
            ['{"instruction": "a", "input": "b", "output": null}'],
            "line 1: key output: expected a string, found NoneType",
        ),
        (
            ['{"instruction": "a", "input": "b", "ouput": "c"}'],
            "line 1: expected keys instruction, input, output, found 'ouput'",
        ),
        ([], "expected one JSON object a line, found an empty file"),
    ],
)
def test_a_line_that_is_not_whole_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError) as error:
        read_jsonl(path)
    assert str(error.value).startswith(str(path)) and message in str(error.value)


@given(st.integers(0, len(GOOD) - 1))
def test_a_file_cut_anywhere_in_its_last_line_is_refused(length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        path.write_text(f"{GOOD}\n{GOOD[:length]}")
        if length == 0:
            assert len(read_jsonl(path)) == 1
        else:
            with pytest.raises(InputError, match="line 2"):
                read_jsonl(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file, found none"):
        read_jsonl(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"instruction": "\xe9"}')
    with pytest.raises(InputError, match="not valid UTF-8 at byte 17"):
        read_jsonl(tmp_path / "latin.json")


@given(st.sets(st.sampled_from(list(TITLES))))
def test_an_answer_names_its_classes(classes: set[str]) -> None:
    named = [title for name, title in TITLES.items() if name in classes]
    output = OUTPUT_START + (SEPARATOR.join(named) or NOTHING)
    assert named_classes(output, TITLES) == classes


@pytest.mark.parametrize("output", ["Shock, Plague", "Plague", "none of them, Plague"])
def test_a_label_that_is_unknown_is_named(output: str) -> None:
    with pytest.raises(InputError, match=r"rows.json: line 3: .* among the 25 known, found "):
        named_classes(OUTPUT_START + output, TITLES, where="rows.json: line 3")


def test_an_answer_to_another_question_is_refused() -> None:
    with pytest.raises(InputError, match="output: expected it to begin with 'Disease that"):
        named_classes("Urgency: high.", TITLES)


@given(st.lists(st.lists(st.floats(0, 1), min_size=25, max_size=25), min_size=1, max_size=4))
def test_soft_labels_are_read_as_they_were_written(rows: list[list[float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "soft.json"
        write_soft_labels(path, np.array(rows), TITLES)
        np.testing.assert_array_equal(read_soft_labels(path, TITLES), rows)
        found = json.loads(path.read_text())
    assert [list(row) for row in found] == [list(TITLES.values())] * len(rows)


PAIR = {"a": "A", "b": "B"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"A": 0.1, "B": 0.2}, {"A": 0.1, "C": 1}]', "object 2: .* the 2 known, found 'C'"),
        ('[{"A": 0.1}]', "object 1: expected 'B' among its labels"),
        ("[{}]", "object 1: expected 'A' among its labels"),
        ('[{"B": 0.1, "A": 0.2}]', "object 1: .* found another order"),
        ('[{"A": 0.1, "A": 0.1, "B": 0.2}]', "object 1: .* found another order"),
        ('[{"A": 1.1, "B": 0.2}]', "object 1: A: expected a probability from 0 to 1, found 1.1"),
        ('[{"A": NaN, "B": 0.2}]', "object 1: A: .* found nan"),
        ('[{"A": true, "B": 0.2}]', "object 1: A: expected a probability, found bool"),
        ('[{"A": 0.1, "B": "0.2"}]', "object 1: B: expected a probability, found str"),
        ('[["A", 0.1]]', "object 1: .* found no object"),
        ('[{"A": 0.1,\n "B": 0.2}, {"A', "not valid JSON at line 2"),
        ("[]", "expected a JSON array of objects"),
        ('{"A": 0.1, "B": 0.2}', "expected a JSON array of objects"),
    ],
)
def test_soft_labels_that_are_not_whole_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "soft.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_soft_labels(path, PAIR)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("p", [np.array([[0.5, 1.5]]), np.array([[0.5, np.nan]]), np.empty((0, 2))])
def test_nothing_is_written_of_what_is_no_probability(tmp_path: Path, p: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"soft\.json"):
        write_soft_labels(tmp_path / "soft.json", p, PAIR)
    assert list(tmp_path.iterdir()) == []
