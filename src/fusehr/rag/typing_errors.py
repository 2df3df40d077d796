"""One typing error in a long word, mended against a vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from importlib import resources
from string import ascii_lowercase

from fusehr.rag.words import normal

SHORTEST = (
    8  # letters of a word in which an error is mended; shorter words have too many neighbours
)


class TypingErrors:
    """Mends words that are one letter off: left out, doubled or added, wrong, or two swapped."""

    def __init__(self, vocabulary: Collection[str]) -> None:
        """vocabulary: words in lower case."""
        self._vocabulary = frozenset(vocabulary)

    def correct(self, word: str) -> str:
        """The one word of the vocabulary that is one error away, else `word` itself.

        Left alone are words of the vocabulary, words that are also one error away from another of
        it, real words that only look alike (`injection`), and adjectives (`arthritic`). The first
        letter is never taken for an error.
        """
        if word in self._vocabulary or len(word) < SHORTEST - 1 or not word.isascii():
            return word
        if not word.isalpha() or normal(word) in _lookalikes():
            return word
        near = {
            other
            for other in _one_off(word)
            if len(other) >= SHORTEST and other in self._vocabulary and not _is_form(word, other)
        }
        return near.pop() if len(near) == 1 else word


def _one_off(word: str) -> Iterator[str]:
    """Words one error away from `word` that share its first letter."""
    for at in range(1, len(word) + 1):
        head, tail = word[:at], word[at:]
        yield from (head + letter + tail for letter in ascii_lowercase)
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in ascii_lowercase)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]


def _is_form(word: str, other: str) -> bool:
    """Whether the two differ in the last letter only: adjective, plural or Latin case."""
    return word[:-1] == other[:-1] or word[:-1] == other or other[:-1] == word


@cache
def _lookalikes() -> frozenset[str]:
    """Real words that are one letter off the name of a disease."""
    path = resources.files("fusehr.rag") / "lookalikes.csv"
    return frozenset(path.read_text(encoding="utf-8").split()[1:])
