"""Names of diseases found in text, as they stand there.

A name is found as whole words: in any case, singular or plural, with hyphen or space, in British or
American spelling, and with one typing error in a word of eight letters or more. An abbreviation
(`MS`, `SSc`) is found in its own case only. Of names that overlap the longest counts. Whatever is
found is a piece of the text itself: nothing is inferred. A name within a phrase of
other_things.csv (`CVA tenderness`) is not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from fusehr.rag.everyday import other_things
from fusehr.rag.typing_errors import TypingErrors
from fusehr.rag.words import Word, normal, words

Key = tuple[str, ...]

_NOTHING = -1  # node of a phrase that covers the name of a disease and is none

_ABBREVIATION = re.compile(r"[^\W_]*[A-Z][^\W_]*[A-Z]")
_LONGEST_ABBREVIATION = 4
# `heart-failure` is `heart failure`; between other signs (`,`, `/`) a name ends.
_JOINING = frozenset({"-", "\u2010", "\u2011", "'", "\u2019"})
# `non-Hodgkin lymphoma`, `pre-diabetes` and `seizure-free` name no Hodgkin lymphoma and so on.
_OTHER_THING = frozenset({"non", "pre", "anti"})
_WITHOUT = frozenset({"free"})


@dataclass(frozen=True, slots=True)
class Mention:
    """`text` is the sentence's characters [start, end); it names disease `node_index`."""

    start: int
    end: int
    text: str
    node_index: int


class MentionFinder:
    """Finds the names of a dictionary in sentences.

    >>> finder = MentionFinder([(7, "type 2 diabetes"), (3, "diabetes")])
    >>> finder.find("Type 2 diabetes, on insulin.")
    [Mention(start=0, end=15, text='Type 2 diabetes', node_index=7)]
    """

    def __init__(self, names: Iterable[tuple[int, str]], *, typing_errors: bool = True) -> None:
        """names: (node, name); where two nodes share a name, the one that comes first has it.

        typing_errors: whether a long word may differ by one letter from the dictionary's. Names
        without a letter or digit are passed over.
        """
        self._folded: dict[Key, int] = {}
        self._exact: dict[Key, int] = {}
        lengths: dict[str, set[int]] = {}
        spelled: set[str] = set()
        covered = ((_NOTHING, phrase) for phrase in other_things())
        for node, name in chain(covered, names):
            texts = [word.text for word in _joined(words(name))]
            if not any(text[0].isalnum() for text in texts):
                continue
            table = self._exact if _is_abbreviation(texts) else self._folded
            key = tuple(texts) if table is self._exact else tuple(map(normal, texts))
            if table is self._folded:
                spelled.update(text.lower() for text in texts)
            table.setdefault(key, node)
            lengths.setdefault(key[0], set()).add(len(key))
        # A word at which names begin: how many words these have, most first.
        self._lengths = {word: tuple(sorted(n, reverse=True)) for word, n in lengths.items()}
        self._known = frozenset(word for key in self._folded for word in key)
        self._errors = TypingErrors(spelled) if typing_errors else None
        # A text has few different words, and a rare word costs some hundred look-ups.
        self._fold = lru_cache(maxsize=1 << 16)(self._folded_word)

    def find(self, sentence: str) -> list[Mention]:
        """Mentions in the order of the text; none overlaps another."""
        found = words(sentence)
        joined = _joined(found)
        barred_start, barred_end = _barred(found)
        candidates = [
            (first, last, node)
            for first, last, node in self._candidates(joined)
            if joined[first].start not in barred_start and joined[last - 1].end not in barred_end
        ]
        candidates.sort(key=lambda c: (joined[c[0]].start - joined[c[1] - 1].end, c[0]))
        taken: set[int] = set()
        mentions = []
        for first, last, node in candidates:
            if taken.isdisjoint(range(first, last)):
                taken.update(range(first, last))
                if node == _NOTHING:
                    continue
                start, end = joined[first].start, joined[last - 1].end
                mentions.append(Mention(start, end, sentence[start:end], node))
        return sorted(mentions, key=lambda mention: mention.start)

    def _folded_word(self, text: str) -> str:
        """Normal form of `text`, of the word it was meant to be where it has a typing error."""
        stem = normal(text)
        if self._errors is None or stem in self._known:
            return stem
        return normal(self._errors.correct(text.lower()))

    def _candidates(self, found: list[Word]) -> Iterator[tuple[int, int, int]]:
        """(first word, word after the last, node), the longest name of each table at each word."""
        folded = [self._fold(word.text) for word in found]
        exact = [word.text for word in found]
        for keys, table in ((folded, self._folded), (exact, self._exact)):
            for first, key in enumerate(keys):
                for length in self._lengths.get(key, ()):
                    node = table.get(tuple(keys[first : first + length]))
                    if node is not None:
                        yield first, min(first + length, len(keys)), node
                        break
        for first, text in enumerate(exact):  # plural of an abbreviation: TIAs
            if text.endswith("s") and len(text) > 2:
                node = self._exact.get((text[:-1],))
                if node is not None:
                    yield first, first + 1, node


def _joined(found: list[Word]) -> list[Word]:
    return [word for word in found if word.text not in _JOINING]


def _is_abbreviation(texts: list[str]) -> bool:
    """Whether a name is all short words, with two capitals in one: `MS`, `DM II`, not `COVID`."""
    return all(len(text) <= _LONGEST_ABBREVIATION for text in texts) and any(
        _ABBREVIATION.match(text) for text in texts
    )


def _barred(found: list[Word]) -> tuple[set[int], set[int]]:
    """Characters at which no name may start, and at which none may end, for a hyphen's sake."""
    starts, ends = set(), set()
    for before, sign, after in zip(found, found[1:], found[2:], strict=False):
        if sign.text in _JOINING and before.end == sign.start and sign.end == after.start:
            if before.text.lower() in _OTHER_THING:
                starts.add(after.start)
            if after.text.lower() in _WITHOUT:
                ends.add(before.end)
    return starts, ends
