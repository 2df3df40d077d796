"""ConText: what a sentence says of each disease that it names.

Each cue has a scope, a run of words before it, after it, or both. The scope ends with the sentence,
at a cue that terminates its category (`but`), at a word that this very cue stops at, or after a
most number of words. A disease takes the category of every cue in whose scope it stands, and of the
section; of several the one that stands first in PRECEDENCE counts, and without any it is present.
`No family history of stroke` is so a statement about the family, `no history of stroke` about
absence.

Working diagnoses (`likely`, `consistent with`) count as present; what is only possible, suspected,
to be ruled out, screened for or prevented counts as hypothetical.

Source: Harkema et al., J Biomed Inform 42:839, 2009; scopes by word limits as in NegEx (Chapman et
al., J Biomed Inform 34:301, 2001).
"""

from __future__ import annotations

from collections.abc import Sequence

from fusehr.rag.assertion.cues import Assertion, CueTable, Direction, Found, default_cues
from fusehr.rag.words import Word, words

Span = tuple[int, int]

PRECEDENCE = (
    Assertion.FAMILY,
    Assertion.ABSENT,
    Assertion.HYPOTHETICAL,
    Assertion.HISTORICAL,
)


def assertions(
    sentence: str,
    spans: Sequence[Span],
    *,
    section: Assertion = Assertion.PRESENT,
    cues: CueTable | None = None,
) -> list[Assertion]:
    """Assertion of each disease, which stands at characters [start, end) of `sentence`.

    section: what the section says of all its diseases (`sections.assertion_of`). All diseases of
    the sentence should be given at once: a cue within one of them (`absence seizures`) is none.
    """
    found = words(sentence)
    places = [_place(found, span) for span in spans]
    hidden = [False] * len(found)
    for start, end in places:
        hidden[start:end] = [True] * (end - start)
    spoken = (cues or default_cues()).find(found, hidden)
    scopes = [
        (category, scope)
        for cue in spoken
        if cue.cue.direction not in (Direction.PSEUDO, Direction.TERMINATE)
        for category in cue.cue.categories
        for scope in _scopes(cue, spoken, found)
    ]
    return [_assertion(place, scopes, section) for place in places]


def _place(found: Sequence[Word], span: Span) -> Span:
    """Words [first, last) that a span of characters touches."""
    inside = [i for i, word in enumerate(found) if word.start < span[1] and word.end > span[0]]
    if not inside:
        raise ValueError(f"expected a span with a word in it, found {span}")
    return inside[0], inside[-1] + 1


def _scopes(cue: Found, spoken: Sequence[Found], sentence: Sequence[Word]) -> list[Span]:
    """Words [first, last) that `cue` speaks of, before it and after it."""
    (category,) = cue.cue.categories
    reach = len(sentence) if cue.cue.scope is None else cue.cue.scope
    stops = [(other.start, other.end) for other in spoken if _terminates(other, category)]
    stops += [(i, i + 1) for i, w in enumerate(sentence) if w.text.lower() in cue.cue.ends]
    scopes = []
    if cue.cue.direction is not Direction.BACKWARD:
        limits = [start for start, _ in stops if start >= cue.end]
        scopes.append((cue.end, min([cue.end + reach, len(sentence), *limits])))
    if cue.cue.direction is not Direction.FORWARD:
        limits = [end for _, end in stops if end <= cue.start]
        scopes.append((max([cue.start - reach, 0, *limits]), cue.start))
    return scopes


def _terminates(cue: Found, category: Assertion) -> bool:
    return cue.cue.direction is Direction.TERMINATE and category in cue.cue.categories


def _assertion(
    place: Span, scopes: Sequence[tuple[Assertion, Span]], section: Assertion
) -> Assertion:
    """The first by PRECEDENCE of the section's category and those in whose scope `place` is."""
    said = {c for c, (first, last) in scopes if place[0] < last and place[1] > first}
    if Assertion.PRESENT in said:
        said -= {Assertion.ABSENT, Assertion.PRESENT}
    if section is not Assertion.PRESENT:
        said.add(section)
    return next((category for category in PRECEDENCE if category in said), Assertion.PRESENT)
