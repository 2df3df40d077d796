"""Cues: the phrases that say of a disease that it is absent, past, someone else's or only feared.

cues.csv has one cue a line:

- cue: words in lower case; `<class>` stands for any word of that class in classes.csv, `<number>`
  for digits too, `<year>` for 1900 to 2099, `<end>` for the end of the sentence too.
- category: the assertion that the cue gives. A cue of direction `terminate` names the categories
  whose scope it ends, separated by `|`, or `any`; a pseudo cue has none.
- direction: `forward`, `backward` or `bidirectional`, where its scope lies; `pseudo` for a phrase
  that contains a cue and is none (`no increase`); `terminate` for one that ends scopes.
- scope: most words that the scope reaches; empty for the rest of the sentence.
- ends: words that end the scope of this very cue, separated by spaces; empty for none.

Phrases follow ConText's published categories (Harkema et al., ConText: an algorithm for determining
negation, experiencer, and temporal status from clinical reports, J Biomed Inform 42:839, 2009).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources

from fusehr.core.frame.errors import InputError
from fusehr.rag.words import Word, words


class Assertion(StrEnum):
    """What a sentence says of a disease that it names."""

    PRESENT = "present"
    ABSENT = "absent"
    HISTORICAL = "historical"
    FAMILY = "family"
    HYPOTHETICAL = "hypothetical"


class Direction(StrEnum):
    """Where a cue's scope lies, or what else it does."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BIDIRECTIONAL = "bidirectional"
    PSEUDO = "pseudo"
    TERMINATE = "terminate"


@dataclass(frozen=True)
class Cue:
    """A row of cues.csv. categories: that it gives or, where it terminates, whose scope it ends."""

    text: str
    categories: frozenset[Assertion]
    direction: Direction
    scope: int | None
    ends: frozenset[str]


@dataclass(frozen=True)
class Found:
    """`cue` at words [start, end) of a sentence."""

    cue: Cue
    start: int
    end: int


@dataclass
class _State:
    """A node of the trie of cues: where each next key leads, and the cue that ends here."""

    following: dict[str, _State] = field(default_factory=dict)
    cue: Cue | None = None


class CueTable:
    """Finds the cues of a sentence: from the left, at each word the longest."""

    def __init__(self, cues: Iterable[Cue], classes: Mapping[str, Sequence[str]]) -> None:
        """classes: words by class; a cue may name these, `number`, `year` and `end`.

        Raises InputError for a cue stated twice or a class that is not there.
        """
        self._classes: dict[str, list[str]] = {}
        for name, members in classes.items():
            for member in members:
                self._classes.setdefault(member, []).append(f"<{name}>")
        known = {f"<{name}>" for name in classes} | {"<number>", "<year>", "<end>"}
        self._root = _State()
        for cue in cues:
            state = self._root
            for key in _keys_of_cue(cue.text):
                if key.startswith("<") and len(key) > 1 and key not in known:
                    raise InputError(
                        f"cues.csv: {cue.text!r}: expected a class of {sorted(known)}, found {key}"
                    )
                state = state.following.setdefault(key, _State())
            if state.cue is not None:
                raise InputError(f"cues.csv: expected each cue once, found {cue.text!r} twice")
            state.cue = cue

    def find(self, sentence: Sequence[Word], hidden: Sequence[bool]) -> list[Found]:
        """Cues among the words of `sentence`, in order, none within words that are `hidden`."""
        keys = [
            () if hide else self._keys(word.text)
            for word, hide in zip(sentence, hidden, strict=True)
        ]
        keys.append(("<end>",))
        found = []
        at = 0
        while at < len(keys):
            cue, end = self._longest(keys, at)
            if cue is None:
                at += 1
            else:
                found.append(Found(cue, at, min(end, len(sentence))))
                at = end
        return found

    def _longest(self, keys: list[tuple[str, ...]], start: int) -> tuple[Cue | None, int]:
        best: tuple[Cue | None, int] = (None, start)
        states = [self._root]
        for at in range(start, len(keys)):
            states = [
                state.following[key]
                for state in states
                for key in keys[at]
                if key in state.following
            ]
            if not states:
                break
            # A word comes before its classes, so a cue that spells it out wins over one that
            # names the class.
            ended = next((state.cue for state in states if state.cue is not None), None)
            if ended is not None:
                best = (ended, at + 1)
        return best

    def _keys(self, text: str) -> tuple[str, ...]:
        word = text.lower().replace("\u2019", "'")
        found = [word, *self._classes.get(word, ())]
        if word.endswith("'s"):
            found += self._classes.get(word.removesuffix("'s"), ())
        if word.isdecimal():
            found.append("<number>")
            if len(word) == 4 and word[:2] in ("19", "20"):
                found.append("<year>")
        return tuple(found)


def _keys_of_cue(text: str) -> list[str]:
    """`in <poss> <kin>` as its words and classes."""
    keys: list[str] = []
    for part in text.split():
        keys += [part] if part.startswith("<") and len(part) > 1 else _texts(part)
    return keys


def _texts(text: str) -> list[str]:
    return [word.text for word in words(text)]


def read_cue(row: Mapping[str, str]) -> Cue:
    """A row of cues.csv, checked. Raises InputError that names the cue and the column."""
    text = row["cue"]
    try:
        direction = Direction(row["direction"])
        if row["category"] == "any":
            categories = frozenset(Assertion)
        else:
            categories = frozenset(Assertion(c) for c in row["category"].split("|") if c)
        scope = int(row["scope"]) if row["scope"] else None
    except ValueError as error:
        raise InputError(f"cues.csv: {text!r}: {error}") from error
    if bool(categories) == (direction is Direction.PSEUDO):
        raise InputError(
            f"cues.csv: {text!r}: expected a category unless the direction is pseudo,"
            f" found {row['category']!r} with {direction}"
        )
    if direction is not Direction.TERMINATE and len(categories) > 1:
        raise InputError(f"cues.csv: {text!r}: expected one category, found {row['category']!r}")
    return Cue(text, categories, direction, scope, frozenset(row["ends"].split()))


@cache
def default_cues() -> CueTable:
    """The table of cues.csv and classes.csv."""
    classes: dict[str, list[str]] = {}
    for row in _rows("classes.csv"):
        classes.setdefault(row["class"], []).append(row["word"])
    return CueTable(map(read_cue, _rows("cues.csv")), classes)


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("fusehr.rag.assertion") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
