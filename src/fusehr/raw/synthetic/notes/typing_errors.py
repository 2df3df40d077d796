"""Slips of the typing hand: letters swapped, dropped or doubled."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

SHARE = 1 / 150  # of words
_WORD = re.compile(r"[a-z]{4,}")  # abbreviations, numbers and blanks are left alone


def mistyped(rng: np.random.Generator, texts: Sequence[str]) -> tuple[str, ...]:
    """The texts, with a slip in one word of 150 on average."""
    words = np.array([len(text.split()) for text in texts])
    slips = np.flatnonzero(rng.random(len(texts)) < SHARE * words)
    marks = rng.random((len(slips), 3))
    out = list(texts)
    for row, (which, where, how) in zip(slips.tolist(), marks.tolist(), strict=True):
        found = list(_WORD.finditer(out[row]))
        if found:
            word = found[int(which * len(found))]
            at = word.start() + 1 + int(where * (len(word[0]) - 2))
            out[row] = _slip(out[row], at, int(how * 3))
    return tuple(out)


def _slip(text: str, at: int, kind: int) -> str:
    """The letter at `at` swapped with the next, dropped or doubled."""
    letters = (text[at + 1] + text[at], text[at + 1], text[at] * 2 + text[at + 1])[kind]
    return text[:at] + letters + text[at + 2 :]
