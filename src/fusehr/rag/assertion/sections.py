"""Sentences of a note, each with what its section says of the diseases in it.

sections.csv: header in lower case, and the assertion of whatever stands under it. A header is a
line of its own or the start of a line before a colon; a line in capitals that the table does not
know is the header of a section that says nothing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fusehr.rag.assertion.cues import Assertion

# Sentences end at these before white space, but not after a title or a usual abbreviation.
_END = re.compile(
    r"(?<!\bDr\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bMrs\.)(?<!\bSt\.)(?<!\bvs\.)(?<!\be\.g\.)(?<!\bi\.e\.)"
    r"(?<=[.!?])\s+(?=\S)"
)
_HEADER = re.compile(r"\s*(?P<header>[A-Za-z][A-Za-z /&,'-]{0,60}?)\s*(?::(?P<rest>.*))?\s*")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` starts at character `start` of its note; section: assertion that its section gives."""

    text: str
    start: int
    section: Assertion


def sentences(note: str) -> Iterator[Sentence]:
    """Sentences of a note in order; a line's end ends a sentence."""
    section = Assertion.PRESENT
    start = 0
    for line in note.splitlines(keepends=True):
        section = _section_from(line, section)
        at = 0
        for end in (*(match.start() for match in _END.finditer(line)), len(line)):
            text = line[at:end]
            if text.strip():
                left = len(text) - len(text.lstrip())
                yield Sentence(text.strip(), start + at + left, section)
            at = end
        start += len(line)


def assertion_of(header: str) -> Assertion | None:
    """What a section says of its diseases; None for a header that sections.csv does not know."""
    return _sections().get(" ".join(header.lower().split()))


def _section_from(line: str, before: Assertion) -> Assertion:
    """Section from this line on."""
    match = _HEADER.fullmatch(line)
    if match is None:
        return before
    header = match["header"]
    known = assertion_of(header)
    if known is not None:
        return known
    alone = not (match["rest"] or "").strip()
    return Assertion.PRESENT if alone and header.isupper() else before


@cache
def _sections() -> dict[str, Assertion]:
    text = (resources.files("fusehr.rag.assertion") / "sections.csv").read_text(encoding="utf-8")
    return {row["header"]: Assertion(row["assertion"]) for row in csv.DictReader(text.splitlines())}
