"""The sections of each kind of note, and the text that a note's parts make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fusehr.raw.synthetic.notes.schedule import NoteKind
from fusehr.raw.synthetic.notes.sentences import Sentence

# what the sentences without meaning are about, and how many of each there are
FILLERS: dict[NoteKind, dict[str, int]] = {
    NoteKind.TRIAGE: {"triage": 10},
    NoteKind.ADMISSION: {"nursing": 10},
    NoteKind.UNIT: {"nursing": 8, "plan": 2},
    NoteKind.PROGRESS: {"nursing": 5, "plan": 5},
    NoteKind.DISCHARGE: {"course": 12, "plan": 2},
}
# title, its kind of opening, header before the narrative, header in the midst of it
LAYOUT: dict[NoteKind, tuple[str, str, str, str]] = {
    NoteKind.TRIAGE: ("ED TRIAGE NOTE", "triage", "HPI:", "Nursing assessment:"),
    NoteKind.ADMISSION: ("NURSING ADMISSION NOTE", "nursing", "Assessment:", "Plan of care:"),
    NoteKind.UNIT: ("ICU NURSING ADMISSION NOTE", "nursing", "Assessment:", "Plan of care:"),
    NoteKind.PROGRESS: ("PROGRESS NOTE", "progress", "Interval events:", "Assessment and Plan:"),
    NoteKind.DISCHARGE: (
        "DISCHARGE SUMMARY",
        "discharge",
        "Brief Hospital Course:",
        "Discharge Instructions:",
    ),
}


@dataclass(frozen=True)
class Note:
    """One note. row: its row in the schedule; sentences: in their order, headers left out."""

    row: int
    text: str
    sentences: tuple[Sentence, ...]


class Parts(NamedTuple):
    """Of a note: who and what for; vital signs, and when; history; the rest, shuffled."""

    head: list[Sentence]
    vital: str
    clock: str
    history: list[Sentence]
    narrative: list[Sentence]


def laid_out(row: int, kind: NoteKind, parts: Parts) -> Note:
    """Sections one below the other; a sentence never runs over a line's end."""
    title, _, first, second = LAYOUT[kind]
    half = len(parts.narrative) * 3 // 5
    vital = [Sentence(parts.vital)] if parts.vital else []
    sections = [
        title,
        *(sentence.text for sentence in (*parts.head, *vital)),
        "PMH:",
        *(sentence.text for sentence in parts.history),
        first,
        " ".join(sentence.text for sentence in parts.narrative[:half]),
        second,
        " ".join(sentence.text for sentence in parts.narrative[half:]),
    ]
    spoken = (*parts.head, *vital, *parts.history, *parts.narrative)
    return Note(row, "\n".join(sections) + "\n", spoken)
