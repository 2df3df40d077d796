"""A sentence with what it asserts, and the concepts that every note speaks of.

A cue (`Pt denies {pre} {c}.`) and an object (a surface form with its modifiers) are combined
freely: every object goes with every cue of every assertion equally often, so that no run of words
that lies within either tells the assertion on the concept. Between a cue and a concept stand at
least two words.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple, get_args

from fusehr.raw.synthetic.notes.grammar import capitalised, grouped, read

Assertion = Literal["present", "negated", "family", "hypothetical", "historical"]
ASSERTIONS: tuple[Assertion, ...] = get_args(Assertion)

Kind = Literal["frailty", "decoy", "disease", "background"]


class Mention(NamedTuple):
    """A concept and what a sentence says of it."""

    concept: str
    kind: Kind
    assertion: Assertion


class Sentence(NamedTuple):
    """One sentence of a note. topic: what a filler is about, empty for all others."""

    text: str
    mentions: tuple[Mention, ...] = ()
    topic: str = ""


class Concept(NamedTuple):
    """A concept of every note, with its surface forms."""

    name: str
    kind: Kind
    forms: tuple[str, ...]


@cache
def concepts() -> tuple[Concept, ...]:
    """The two frailty concepts and the two decoys, in the order of concepts.csv."""
    forms = grouped("concepts.csv", "concept", "form")
    kinds = grouped("concepts.csv", "concept", "kind")
    return tuple(Concept(name, kinds[name][0], forms[name]) for name in forms)  # type: ignore[arg-type]


@cache
def cues() -> dict[str, tuple[str, ...]]:
    """Templates by assertion, as many of each; the last ones speak of another symptom first."""
    return grouped("cues.csv", "assertion", "template")


PER_FORM = 4  # objects of each surface form
OBJECTS = PER_FORM * len(grouped("concepts.csv", "concept", "form")["recurrent falls"])
CUES = len(cues()["present"])


@cache
def _modifiers() -> dict[str, tuple[str, ...]]:
    return grouped("modifiers.csv", "position", "text")


@cache
def sentence(concept: int, assertion: int, cue: int, thing: int) -> Sentence:
    """One of CUES times OBJECTS sentences of an assertion on a concept; arguments are positions."""
    spoken_of, said = concepts()[concept], ASSERTIONS[assertion]
    form, nth = divmod(thing, PER_FORM)
    modifiers = _modifiers()
    before, after, beside = modifiers["before"], modifiers["after"], modifiers["beside"]
    text = cues()[said][cue].format(
        c=spoken_of.forms[form],
        C=capitalised(spoken_of.forms[form]),
        pre=before[(form + 3 * nth) % len(before)],
        post=after[(form + 2 * nth) % len(after)],
        s=beside[(4 * form + 5 * nth) % len(beside)],
    )
    return Sentence(text, (Mention(spoken_of.name, spoken_of.kind, said),))


JOINTS = (", but ", "; ", ", while ", ", and ")  # whatever is asserted on either side


def joined(first: Sentence, second: Sentence, joint: str) -> Sentence:
    """Both in one sentence."""
    start, _, rest = second.text.partition(" ")
    lower = start if start.isupper() or start in ("FHx", "FH:") else start[:1].lower() + start[1:]
    text = f"{first.text.removesuffix('.')}{joint}{lower} {rest}"
    return Sentence(text, first.mentions + second.mentions)


@cache
def disease_templates() -> dict[str, tuple[str, ...]]:
    """Templates for diseases by assertion."""
    return grouped("diseases.csv", "assertion", "template")


def of_disease(name: str, surface: str, assertion: Assertion, template: str) -> Sentence:
    """A disease under one of its names (`surface`), as `template` has it."""
    text = template.format(d=surface, D=capitalised(surface))
    return Sentence(text, (Mention(name, "disease", assertion),))


@cache
def background() -> dict[str, tuple[str, ...]]:
    """Common chronic conditions: phrases by name of the phenotype or comorbidity."""
    return grouped("background.csv", "condition", "phrase")


@cache
def openings() -> dict[str, tuple[str, ...]]:
    """First sentences by kind of note."""
    return grouped("openings.csv", "section", "template")


@cache
def vital_styles() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Ways to write vital signs: how the line begins, what separates its parts, the parts."""
    return tuple(
        (row["opening"], row["separator"], tuple(row["parts"].split("|")))
        for row in read("vitals.csv")
    )
