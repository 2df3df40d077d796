"""Instruction data as CKD-EHR has them: a question, what is known of a patient, and the answer.

A JSONL file holds an object a line with the keys instruction, input and, where the answer is known,
output. Soft labels are a JSON array of {disease: probability}, one object a text, in the texts'
order. Both are checked as they are read; messages name file and line, never what a text says.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file
from fusehr.core.frame.tasks import POSITIVE, TRIAGE_CLASSES, Task, base

KEYS = ("instruction", "input", "output")
OUTPUT_START = "Disease that the patient may acquire: "
NOTHING = "none of them"
SEPARATOR = ", "  # stands in no title

# (class, label): the answer in words. next_diagnoses lists its positive classes instead.
ANSWERS: Mapping[Task, Mapping[tuple[str, int], str]] = {
    "mortality": {
        (POSITIVE, 1): "The patient dies in the hospital.",
        (POSITIVE, 0): "The patient leaves the hospital alive.",
    },
    "readmission": {
        (POSITIVE, 1): "The patient is readmitted.",
        (POSITIVE, 0): "The patient is not readmitted.",
    },
    "deterioration": {
        (POSITIVE, 1): "The patient deteriorates.",
        (POSITIVE, 0): "The patient does not deteriorate.",
    },
    "triage": {(name, 1): f"Urgency: {name}." for name in TRIAGE_CLASSES},
}


@dataclass(frozen=True)
class Instruction:
    """A line of a JSONL file; output is None where the answer is not known."""

    instruction: str
    input: str
    output: str | None = None


def phenotype_titles() -> Mapping[str, str]:
    """Title of each class of next_diagnoses, in the order that instructions list them."""
    return {row["phenotype"]: row["title"] for row in _phenotypes()}


def short_titles() -> Mapping[str, str]:
    """A short name of each class of next_diagnoses, so that more of a text fits into a model."""
    return {row["phenotype"]: row["short"] for row in _phenotypes()}


@cache
def _phenotypes() -> list[dict[str, str]]:
    text = (resources.files("fusehr.core") / "phenotype_titles.csv").read_text()
    return list(csv.DictReader(text.splitlines()))


def question(task: Task) -> str:
    """The instruction of `task`."""
    if task == "next_diagnoses":
        return (
            "Determine that the patient has one or more of the following diseases at the next "
            f"visit: {SEPARATOR.join(phenotype_titles().values())}"
        )
    return {
        "mortality": "Determine whether the patient in intensive care dies in the hospital.",
        "readmission": (
            "Determine whether the patient is readmitted unplanned soon after leaving the hospital."
        ),
        "deterioration": (
            "Determine whether the patient in intensive care soon dies or needs a vasopressor "
            "or ventilation."
        ),
        "triage": f"Determine how urgent the patient is: {_listed(TRIAGE_CLASSES)}.",
    }.get(base(task), f"Determine whether {base(task).replace('_', ' ')} follows.")


def _listed(names: tuple[str, ...]) -> str:
    return f"{SEPARATOR.join(names[:-1])} or {names[-1]}"


def named_classes(
    output: str, titles: Mapping[str, str], *, where: str = "output"
) -> frozenset[str]:
    """Classes whose titles an answer of next_diagnoses names.

    titles: class to title. where: file and line for messages. Raises InputError where the answer
    begins otherwise than answers do, or names something that is none of the titles.
    """
    if not output.startswith(OUTPUT_START):
        raise InputError(f"{where}: expected it to begin with {OUTPUT_START.strip()!r}")
    names = output.removeprefix(OUTPUT_START)
    if names == NOTHING:
        return frozenset()
    class_of = {title: name for name, title in titles.items()}
    found = names.split(SEPARATOR)
    for name in found:
        if name not in class_of:
            raise InputError(
                f"{where}: expected labels among the {len(titles)} known, found {name!r}"
            )
    return frozenset(class_of[name] for name in found)


def write_jsonl(path: Path, rows: Iterable[Instruction]) -> None:
    """One object a line, keys in KEYS' order; a row without output has no such key."""
    with output_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            found = {key: getattr(row, key) for key in KEYS}
            if row.output is None:
                del found["output"]
            file.write(json.dumps(found, ensure_ascii=False) + "\n")


def iter_jsonl(path: Path) -> Iterator[Instruction]:
    """Rows of a JSONL file as they are read, one from each line.

    Raises InputError naming file and line where a line breaks off or is no JSON object, a key is
    missing, unknown or no string, and where there is no line at all.
    """
    number = 0
    try:
        # as bytes: within strings text would also be cut at U+2028 and its like
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                where = f"{path}: line {number}"
                try:
                    text = line.removesuffix(b"\n").decode("utf-8")
                except UnicodeDecodeError as error:
                    raise InputError(f"{where}: not valid UTF-8 at byte {error.start}") from None
                yield _row(text, where)
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file, found none") from None
    if not number:
        raise InputError(f"{path}: expected one JSON object a line, found an empty file")


def read_jsonl(path: Path) -> list[Instruction]:
    """All of `iter_jsonl`, line i + 1 at place i."""
    return list(iter_jsonl(path))


def _row(line: str, where: str) -> Instruction:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where}: expected a whole JSON object, found it broken at character {error.pos}"
        ) from None
    if not isinstance(found, dict):
        raise InputError(f"{where}: expected a JSON object, found {type(found).__name__}")
    for key in found:
        if key not in KEYS:
            raise InputError(f"{where}: expected keys {', '.join(KEYS)}, found {key!r}")
    for key in KEYS:
        if key not in found and key != "output":
            raise InputError(f"{where}: key {key}: expected a string, found no such key")
        if key in found and not isinstance(found[key], str):
            kind = type(found[key]).__name__
            raise InputError(f"{where}: key {key}: expected a string, found {kind}")
    return Instruction(**found)


def write_soft_labels(path: Path, p: np.ndarray, titles: Mapping[str, str]) -> None:
    """Probabilities (n_texts, n_titles), columns in the order of `titles` (class to title).

    Raises InputError where one is outside 0 to 1 or there is none.
    """
    names = list(titles.values())
    rows = [dict(zip(names, row, strict=True)) for row in np.asarray(p, dtype=float).tolist()]
    for number, row in enumerate(rows, 1):
        _check_soft_label(tuple(row.items()), names, f"{path}: object {number}")
    if not rows:
        raise InputError(f"{path}: expected soft labels, found none")
    with output_file(path) as partial:
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        partial.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def read_soft_labels(path: Path, titles: Mapping[str, str]) -> np.ndarray:
    """Probabilities, float64 (n_texts, n_titles), columns in the order of `titles`.

    Raises InputError where the file is not whole, or an object has other names, another order of
    them, or a probability outside 0 to 1.
    """
    try:
        # objects as tuples of pairs, so that a name that stands twice is noticed
        found = json.loads(_text(path), object_pairs_hook=tuple)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not valid JSON at line {error.lineno}") from None
    if not isinstance(found, list) or not found:
        raise InputError(f"{path}: expected a JSON array of objects, found none")
    names = list(titles.values())
    for number, row in enumerate(found, 1):
        _check_soft_label(row, names, f"{path}: object {number}")
    return np.array([[value for _, value in row] for row in found], dtype=float)


def _check_soft_label(row: Any, names: list[str], where: str) -> None:
    if not isinstance(row, tuple):
        raise InputError(f"{where}: expected {{disease: probability}}, found no object")
    found = [name for name, _ in row]
    for name in found:
        if name not in names:
            raise InputError(
                f"{where}: expected labels among the {len(names)} known, found {name!r}"
            )
    for name in names:
        if name not in found:
            raise InputError(f"{where}: expected {name!r} among its labels, found it missing")
    if found != names:
        raise InputError(f"{where}: expected each label once and in order, found another order")
    for name, value in row:
        if not isinstance(value, int | float) or isinstance(value, bool):
            kind = type(value).__name__
            raise InputError(f"{where}: {name}: expected a probability, found {kind}")
        if not 0 <= value <= 1:
            raise InputError(f"{where}: {name}: expected a probability from 0 to 1, found {value}")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file, found none") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not valid UTF-8 at byte {error.start}") from None
