"""Words of a text with their places, and the form in which two spellings of a name are the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# A number keeps its decimals, a word its digits (T2DM) and apostrophe (doesn't); else single signs.
_WORD = re.compile(r"\d+\.\d+|[^\W_]+(?:['\u2019][^\W\d_]+)?|[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Word:
    """`text` as written, at characters [start, end) of its sentence."""

    text: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """Words, numbers and single signs of `text` in order; white space separates and is dropped."""
    return [Word(m.group(), m.start(), m.end()) for m in _WORD.finditer(text)]


@lru_cache(maxsize=1 << 16)
def normal(word: str) -> str:
    """Lower case, without possessive and plural, in American spelling.

    Applied to names and to texts alike, so that a stem need not be a word (`diabete`).
    """
    word = word.lower().replace("\u2019", "'").removesuffix("'s")
    word = word.replace("ae", "e").replace("oe", "e").replace("tumour", "tumor")
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("noses", "roses", "stases", "theses")):  # stenoses, fibroses, metastases
        return word[:-2] + "is"
    if word.endswith(("sses", "xes", "zes", "ches", "shes", "uses")):
        return word[:-2]
    return word[:-1]
