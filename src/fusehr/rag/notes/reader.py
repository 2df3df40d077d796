"""Read a note: its sentences, what they mention, and what they assert of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from fusehr.core.knowledge.facts import EFFECT
from fusehr.rag.assertion.context import assertions
from fusehr.rag.assertion.cues import Assertion
from fusehr.rag.assertion.sections import sentences
from fusehr.rag.mentions import Mention, MentionFinder
from fusehr.rag.notes.findings import findings

REMEMBERED = 1 << 17  # sentences; notes are copied forward, so that most come more than once


@dataclass(frozen=True, slots=True)
class Entity:
    """`mention` at characters [start, end) of its note or sentence; see the table `entities`.

    listed: the list of past history has it, and nothing else says that it is over.
    """

    start: int
    end: int
    mention: str
    kind: str
    concept: str
    assertion: str
    node_index: int | None
    link: str = "name"
    score: float = 1.0
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """The graph's names as the reader needs them.

    diseases: (node, name), a node's own name before its synonyms; labels: name by node of diseases;
    phenotypes: node by name in lower case.
    """

    diseases: tuple[tuple[int, str], ...]
    labels: Mapping[int, str]
    phenotypes: Mapping[str, int]


def names_of(rows: Iterable[tuple[int, str, str, str]]) -> Names:
    """From (node_index, type, name, kind) of every name, in order of precedence."""
    diseases, labels, phenotypes = [], {}, {}
    for node, node_type, name, kind in rows:
        if node_type == "disease":
            diseases.append((node, name))
            if kind == "name":
                labels[node] = name
        elif node_type == EFFECT:
            phenotypes.setdefault(name.lower(), node)
    return Names(tuple(diseases), labels, phenotypes)


class NoteReader:
    """Finds diseases by the graph's names and findings by their own.

    A word that names a disease may name a finding too; each counts once as either.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self.diseases = MentionFinder(names.diseases)
        self._concepts = [concept for concept, _ in findings()]
        self._finding_nodes = [
            next((names.phenotypes[n.lower()] for n in told if n.lower() in names.phenotypes), None)
            for _, told in findings()
        ]
        self._findings = MentionFinder(
            (number, name) for number, (_, told) in enumerate(findings()) for name in told
        )
        self._remembered = lru_cache(maxsize=REMEMBERED)(
            lambda text, section: self._read(text, section, self._by_name(text))
        )

    def read(
        self, note: str, diseases: Callable[[str], list[Entity]] | None = None
    ) -> list[tuple[int, Entity]]:
        """(number of the sentence, entity) in the order of the note; places are the note's.

        diseases: finds these in a sentence in place of the dictionary.
        """
        found = []
        for number, sentence in enumerate(sentences(note)):
            if diseases is None:
                entities = self._remembered(sentence.text, sentence.section)
            else:
                entities = self._read(sentence.text, sentence.section, diseases(sentence.text))
            found += [
                (
                    number,
                    replace(
                        entity,
                        start=entity.start + sentence.start,
                        end=entity.end + sentence.start,
                    ),
                )
                for entity in entities
            ]
        return found

    def _by_name(self, sentence: str) -> list[Entity]:
        return [self.entity(mention) for mention in self.diseases.find(sentence)]

    def entity(self, mention: Mention) -> Entity:
        """A disease that the dictionary found; what is asserted of it is not known yet."""
        name = self._names.labels[mention.node_index]
        return Entity(
            mention.start, mention.end, mention.text, "disease", name, "", mention.node_index
        )

    def _read(self, text: str, section: Assertion, diseases: list[Entity]) -> tuple[Entity, ...]:
        told = diseases + [
            Entity(
                mention.start,
                mention.end,
                mention.text,
                "finding",
                self._concepts[mention.node_index],
                "",
                self._finding_nodes[mention.node_index],
            )
            for mention in self._findings.find(text)
        ]
        if not told:
            return ()
        spans = [(entity.start, entity.end) for entity in told]
        said = assertions(text, spans, section=section)
        by_itself = assertions(text, spans) if section is Assertion.HISTORICAL else said
        judged = [
            replace(entity, assertion=str(here), listed=here != alone == Assertion.PRESENT)
            for entity, here, alone in zip(told, said, by_itself, strict=True)
        ]
        return tuple(sorted(judged, key=lambda e: (e.start, e.end, e.kind)))
