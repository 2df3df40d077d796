"""Six numbers of a note, as in the multi-modal LSTM, that count only what the note asserts.

`No fever`, `mother had seizures` and `return for chest pain` are symptoms of nobody or not now. A
cue's scope runs from it to the next word that ends one or to the sentence's end; a cue that stands
behind reaches back as far.

References
----------
Chapman et al., A simple algorithm for identifying negated findings and diseases in discharge
summaries (NegEx), J Biomed Inform 34, 2001.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
CUES = HERE / "cues.csv"
FINDINGS = HERE / "findings.csv"
ENDS = re.compile(r"[;.:]\s|[;]$")


@dataclass(frozen=True)
class NoteFeatures:
    """Of one note; severity 0 none to 4 critical, intensity 0 none to 1 rapid."""

    symptom_count: int
    medication_count: int
    condition_severity: int
    has_deterioration: bool
    deterioration_intensity: float
    sentence_count: int


@dataclass(frozen=True)
class _Lexicon:
    pattern: re.Pattern[str]
    kinds: dict[str, str]
    weights: dict[str, float]


def note_features(sentences: Sequence[str]) -> NoteFeatures:
    """Counts of distinct asserted terms over a note's sentences; headers alone are no sentences."""
    lexicon = _findings()
    found: dict[str, set[str]] = {}
    for sentence in sentences:
        lowered = sentence.lower()
        mentions = list(lexicon.pattern.finditer(lowered))
        if not mentions:
            continue
        closed = _excluded(lowered)
        for mention in mentions:
            kind = lexicon.kinds[mention.group()]
            if not any(start <= mention.start() < end for start, end in closed):
                found.setdefault(kind, set()).add(mention.group())
    decline = [lexicon.weights[term] for term in found.get("deterioration", ())]
    severity = [lexicon.weights[term] for term in found.get("severity", ())]
    return NoteFeatures(
        symptom_count=len(found.get("symptom", ())),
        medication_count=len(found.get("medication", ())),
        condition_severity=int(max(severity, default=0)),
        has_deterioration=bool(decline),
        deterioration_intensity=max(decline, default=0.0),
        sentence_count=sum(not sentence.endswith(":") for sentence in sentences),
    )


def _excluded(sentence: str) -> list[tuple[int, int]]:
    """Stretches of a lower-case sentence in which nothing is asserted of the patient now."""
    cues = _cues()
    marks = [
        (match.start(), match.end(), cues.kinds[match.group()])
        for match in cues.pattern.finditer(sentence)
    ]
    marks += [(match.start(), match.end(), "end") for match in ENDS.finditer(sentence)]
    marks.sort()
    stretches, edge = [], 0
    for number, (start, end, kind) in enumerate(marks):
        if kind == "before":
            stop = next((s for s, _, k in marks[number + 1 :] if k == "end"), len(sentence))
            stretches.append((end, stop))
        elif kind == "after":
            stretches.append((edge, start))
        elif kind == "end":
            edge = end
    return stretches


@cache
def _findings() -> _Lexicon:
    rows = pd.read_csv(FINDINGS, keep_default_na=False, dtype=str)
    weights = {
        term: float(weight)
        for term, weight in zip(rows["term"], rows["weight"], strict=True)
        if weight
    }
    return _Lexicon(
        _any_of(rows["term"]), dict(zip(rows["term"], rows["kind"], strict=True)), weights
    )


@cache
def _cues() -> _Lexicon:
    rows = pd.read_csv(CUES, keep_default_na=False, dtype=str)
    return _Lexicon(_any_of(rows["cue"]), dict(zip(rows["cue"], rows["kind"], strict=True)), {})


def _any_of(terms: pd.Series) -> re.Pattern[str]:
    """Whole terms, the longest first, so that `not ruled out` is not `ruled out`."""
    longest = sorted(map(str, terms), key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest)) + r")(?!\w)")
