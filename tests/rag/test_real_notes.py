"""The reader on real notes: no crash, and present diseases are found as a person marked them.

notes_gold.csv: of 42 notes of ACI-BENCH (Yim et al., Sci Data 10:586, 2023, CC BY 4.0) the diseases
that the patient has by the note, marked by one reader, other names for the same after `|`. Kinds:
disease; injury, which the disease graphs here do not hold; optional, a finding or past condition
that may be found or not; none, a note without any. The names of everyday.csv were written after
the part `development` had been read; the part `test` was marked later, before the reader saw it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from fusehr.core.knowledge.facts import DISEASE, nodes
from fusehr.rag.assertion.context import assertions
from fusehr.rag.assertion.cues import Assertion
from fusehr.rag.assertion.sections import sentences
from fusehr.rag.everyday import with_everyday
from fusehr.rag.mentions import MentionFinder
from fusehr.rag.words import normal, words

GOLD = Path(__file__).parent / "assertion/notes_gold.csv"
pytestmark = pytest.mark.real


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def key(name: str) -> tuple[str, ...]:
    return tuple(normal(word.text) for word in words(name))


class Reader:
    """Finds present diseases; names by node, of our own graph and of the Disease Ontology."""

    def __init__(self, mirror: Path) -> None:
        own = [node for node in nodes() if node.kind == DISEASE]
        labels = {r["id"]: r["label"] for r in rows(mirror / "disease-ontology/HumanDO.tsv", "\t")}
        names = [(i, node.name) for i, node in enumerate(own)]
        names += [(i, name) for i, node in enumerate(own) for name in node.synonyms]
        names += [(len(own) + i, label) for i, label in enumerate(labels.values())]
        names = with_everyday(names)
        self.finder = MentionFinder(names)
        self.keys: dict[int, set[tuple[str, ...]]] = defaultdict(set)
        for node, name in names:
            self.keys[node].add(key(name))

    def said(self, note: str) -> Iterator[tuple[int, Assertion]]:
        for sentence in sentences(note):
            found = self.finder.find(sentence.text)
            assert all(sentence.text[m.start : m.end] == m.text for m in found)
            spans = [(m.start, m.end) for m in found]
            said = assertions(sentence.text, spans, section=sentence.section)
            yield from zip((m.node_index for m in found), said, strict=True)

    def present(self, note: str) -> set[int]:
        return {node for node, assertion in self.said(note) if assertion is Assertion.PRESENT}


@pytest.fixture(scope="module")
def reader(mirror: Path) -> Reader:
    return Reader(mirror)


@pytest.fixture(scope="module")
def notes(mirror: Path) -> dict[str, str]:
    folder = mirror / "notes/aci-bench"
    files = (folder / "train.csv", folder / "valid.csv")
    return {row["encounter_id"]: row["note"] for path in files for row in rows(path)}


def counted(reader: Reader, notes: dict[str, str], part: str) -> tuple[int, int, int]:
    """Diseases that are marked and found, found only, marked only."""
    marked: dict[str, list[tuple[str, set[tuple[str, ...]]]]] = defaultdict(list)
    for row in rows(GOLD):
        if row["part"] == part:
            names = {key(name) for name in row["names"].split("|") if name}
            marked[row["encounter_id"]].append((row["kind"], names))
    both = extra = missed = 0
    for encounter, items in marked.items():
        found = reader.present(notes[encounter])
        for kind, names in items:
            hit = {node for node in found if reader.keys[node] & names}
            found -= hit
            both += kind == "disease" and bool(hit)
            missed += kind == "disease" and not hit
        extra += len(found)
    return both, extra, missed


@pytest.mark.parametrize(
    ("part", "precision", "recall"), [("development", 0.9, 0.9), ("test", 0.7, 0.8)]
)
def test_present_diseases_are_those_a_person_marked(
    reader: Reader, notes: dict[str, str], part: str, precision: float, recall: float
) -> None:
    both, extra, missed = counted(reader, notes, part)
    assert both / (both + extra) >= precision
    assert both / (both + missed) >= recall


def test_without_assertion_precision_would_be_lower(
    reader: Reader, notes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_cues = counted(reader, notes, "development")
    every = {e: {node for node, _ in reader.said(note)} for e, note in notes.items()}
    monkeypatch.setattr(Reader, "present", lambda _, note: every[note])
    without = counted(reader, {encounter: encounter for encounter in notes}, "development")
    assert without[1] > 2 * with_cues[1]


def test_every_real_note_is_read(reader: Reader, notes: dict[str, str], mirror: Path) -> None:
    sections = rows(mirror / "notes/mts-dialog/MTS-Dialog-TrainingSet.csv")
    texts = [*notes.values(), *(row["section_text"] for row in sections)]
    said = [assertion for text in texts for _, assertion in reader.said(text)]
    assert len(texts) == 87 + 1201
    assert set(said) == set(Assertion)
