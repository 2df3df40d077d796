"""Notes cut into sentences: by lines first, then by Wikimedia's sentencex within them.

sentencex keeps decimals, initials and common abbreviations whole. Clinical text needs two things
more: its lines mean something (headers, lists, values one below the other; MIMIC's are wrapped at
some 78 characters besides), and its own abbreviations end in full stops.
"""

from __future__ import annotations

import re
from typing import Any

import sentencex

Span = tuple[int, int]

LIBRARY: Any = sentencex  # compiled, without types

# A line shorter than this was not wrapped by its length.
WRAPPED = 55
# What a new unit begins with: a bullet, a number of a list, or a header such as `Allergies:`
OPENS = re.compile(
    r"(?:[-*•+>#]|\(?\d{1,2}[.)](?=\s)|[A-Z][A-Za-z0-9 /&()'-]{0,40}:(?=\s|$)|[A-Z][A-Z /&-]{3,}$)"
)
CLOSES = re.compile(r"[.!?:;]\W{0,2}$")
# Words cut short that a number belongs to (`vanc. 1.25 g`), and abbreviations that end no
# sentence which goes on in small letters. Were the
# first to join words too, `troponin neg. continue heparin` would be one sentence.
BEFORE_NUMBER = re.compile(
    r"(?:^|[\s(/])(?:approx|appt|temp|resp|vanco?|freq|max|min|meds?|quant|subq|tabs?|caps?|wt|ht|"
    r"no|fig|est|ca|sat|sats|hgb|plt|cr)\.\s*$",
    re.IGNORECASE,
)
DOTTED = re.compile(
    r"(?:^|[\s(/\d])(?:q\.?d|b\.?i\.?d|t\.?i\.?d|q\.?i\.?d|p\.o|p\.?r\.?n|i\.v|i\.m|s\.c|a\.m|p\.m|"
    r"y\.o|approx|vs|cf|e\.g|i\.e|Dr|Mrs?|Ms|St)\.\s*$",
    re.IGNORECASE,
)
# sentencex does not look into a bulleted line.
BULLET = re.compile(r"^\s*[-*•+>#]+(?=\s)")
# The number of a list stands with what it numbers.
NUMBER = re.compile(r"^\s*\(?\d{1,2}[.)]\s*$")
A_NUMBER = re.compile(r"\s*[0-9<>=±~%]")
SMALL = re.compile(r"\s*[a-z0-9]")


def sentence_spans(text: str) -> list[Span]:
    """Start and end of each sentence in `text`, in order, blanks at either side left out.

    The spans do not overlap and hold every character that is not blank.
    """
    spans = []
    for start, end in _units(text):
        # a wrapped line's break is a blank like any other, and of the same width
        unit = text[start:end].replace("\n", " ").replace("\r", " ")
        for first, last in _split(unit):
            spans.append((start + first, start + last))
    return spans


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each run of blanks in them being one space."""
    return [" ".join(text[start:end].split()) for start, end in sentence_spans(text)]


def _units(text: str) -> list[Span]:
    """Lines, those joined that were broken for their length alone."""
    lines = [(match.start(), match.end()) for match in re.finditer(r"[^\n]+", text)]
    units: list[Span] = []
    for start, end in lines:
        line = text[start:end].strip()
        if units and line:
            before = text[units[-1][0] : units[-1][1]]
            blank = text[units[-1][1] : start].count("\n") > 1
            if not blank and _wrapped(before.rsplit("\n", 1)[-1].strip(), line):
                units[-1] = (units[-1][0], end)
                continue
        units.append((start, end))
    return units


def _wrapped(line: str, following: str) -> bool:
    if not line or OPENS.match(following):
        return False
    if re.match(r"[a-z]", following) and not CLOSES.search(line):
        return True
    return len(line) >= WRAPPED and not line.endswith(":")


def _split(unit: str) -> list[Span]:
    """Spans of the sentences of one unit."""
    pieces: list[Span] = []
    start = 0
    bare = BULLET.sub(lambda mark: " " * len(mark.group()), unit)
    for piece in LIBRARY.segment("en", bare):
        end = start + len(piece)
        if bare[start:end] != piece:  # it dropped or changed something: keep the unit whole
            pieces = [(0, len(unit))]
            break
        pieces.append((start, end))
        start = end
    else:
        if pieces and start < len(unit):
            pieces[-1] = (pieces[-1][0], len(unit))
    joined: list[Span] = []
    for first, last in pieces:
        if joined and _belongs(unit[joined[-1][0] : joined[-1][1]], unit[first:last]):
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    if joined:
        joined[0] = (0, joined[0][1])
    return [span for span in (_stripped(unit, *span) for span in joined) if span[0] < span[1]]


def _belongs(before: str, after: str) -> bool:
    if NUMBER.match(before):
        return True
    return bool(
        (BEFORE_NUMBER.search(before) and A_NUMBER.match(after))
        or (DOTTED.search(before) and SMALL.match(after))
    )


def _stripped(text: str, start: int, end: int) -> Span:
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip())
