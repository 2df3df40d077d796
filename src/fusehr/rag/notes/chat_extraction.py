"""Diseases of a note as a chat model lists them, kept only where they stand in the note.

What is kept still gets its assertion from ConText, and its node from the dictionary or, where that
has no such name, from the nearest name by cosine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import numpy as np

from fusehr.core.chat.client import Chat
from fusehr.core.frame.errors import InputError
from fusehr.rag.linking.cosine import NO_NODE, link
from fusehr.rag.notes.reader import Entity, Names, NoteReader
from fusehr.rag.vectors import Encode

SYSTEM = (
    "You list the diseases that a clinical note names. Answer with a JSON list of strings and "
    "nothing else. Copy each name exactly as it is written in the note, also those that are "
    "denied, past, feared or a relative's. Answer [] where the note names none."
)
_LIST = re.compile(r"\[.*\]", re.DOTALL)


class ChatExtraction:
    """Asks `chat`; links what the dictionary does not know by `encode`, from `threshold` on."""

    def __init__(
        self,
        chat: Chat,
        names: Names,
        encode: Encode,
        *,
        threshold: float,
        max_malformed_share: float,
    ) -> None:
        self._chat, self._names, self._encode = chat, names, encode
        self._threshold, self._most = threshold, max_malformed_share
        self._notes = self._malformed = 0
        self._of_names: np.ndarray | None = None
        self._linked: dict[str, tuple[int, float]] = {}

    def diseases(self, notes: Sequence[str]) -> list[list[str]]:
        """Names that the model lists for each note and that stand in it, longest first."""
        found = []
        for note, answer in zip(notes, self._chat.ask(SYSTEM, notes), strict=True):
            told = _names_in(answer)
            self._notes += 1
            self._malformed += told is None
            kept = {name for name in told or () if _pattern(name).search(note)}
            found.append(sorted(kept, key=lambda name: (-len(name), name)))
        return found

    def check(self) -> None:
        """Raise InputError where more answers were no lists than the parameter allows."""
        if self._malformed > self._most * self._notes:
            raise InputError(
                f"{self._chat.url}: {self._chat.params.model}: expected a JSON list of names, "
                f"found something else for {self._malformed} of {self._notes} notes "
                "(rag.chat.max_malformed_share)"
            )

    def finder(self, told: Sequence[str], reader: NoteReader) -> Callable[[str], list[Entity]]:
        """Finds the names `told` in a sentence; of names that overlap the longest."""

        def find(sentence: str) -> list[Entity]:
            found: list[Entity] = []
            for name in told:
                for match in _pattern(name).finditer(sentence):
                    free = all(match.end() <= e.start or match.start() >= e.end for e in found)
                    entity = self._entity(match, reader) if free else None
                    if entity is not None:
                        found.append(entity)
            return found

        return find

    def _entity(self, match: re.Match[str], reader: NoteReader) -> Entity | None:
        text = match.group()
        by_name = reader.diseases.find(text)
        if len(by_name) == 1 and by_name[0].text == text:
            node, score, how = by_name[0].node_index, 1.0, "name"
        else:
            node, score = self._nearest(text)
            how = "cosine"
        if node == NO_NODE:
            return None
        label = self._names.labels[node]
        return Entity(match.start(), match.end(), text, "disease", label, "", node, how, score)

    def _nearest(self, text: str) -> tuple[int, float]:
        if text not in self._linked:
            if self._of_names is None:
                self._of_names = self._encode([name for _, name in self._names.diseases])
            links = link(self._encode([text]), self._of_names, self._threshold)
            row = int(links.node[0])
            node = NO_NODE if row == NO_NODE else self._names.diseases[row][0]
            self._linked[text] = (node, round(float(links.score[0]), 6))
        return self._linked[text]


def _names_in(answer: str) -> list[str] | None:
    """The JSON list in an answer, with or without words around it; None where there is none."""
    match = _LIST.search(answer)
    try:
        content = json.loads(match.group()) if match else None
    except ValueError:
        return None
    if not isinstance(content, list):
        return None
    return [name.strip() for name in content if isinstance(name, str) and name.strip()]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
