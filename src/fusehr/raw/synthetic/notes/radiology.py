"""Reports of chest films. They wait for the formal read: what the film shows is not in them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from fusehr.core.seeding import generator
from fusehr.raw.synthetic.notes.grammar import bank, capitalised, expansions, grouped
from fusehr.raw.synthetic.notes.picker import Picker
from fusehr.raw.synthetic.notes.sentences import Sentence

FINDINGS = ("device", "heart", "bones")
LIKELY = (0.75, 1.0, 0.5)  # how often each of the findings is spoken of


class Report(NamedTuple):
    """A report's text and its sentences."""

    text: str
    sentences: tuple[Sentence, ...]


def report(pick: Picker, sex: str, clip: int) -> Report:
    """A report; `pick` chooses, `sex` is M or F.

    `clip`: its number, without which reports of two patients would be equal now and then, and one
    text would stand in two folds.
    """
    texts = _texts()
    filed = f"CLIP # {clip}"
    examined = [pick(texts[name]) for name in ("exam", "indication", "technique", "comparison")]
    examined[1] = examined[1].replace("SEX", sex)
    found = [
        pick(texts[name])
        for name, often in zip(FINDINGS, LIKELY, strict=True)
        if pick.happens(often)
    ]
    found.append(pick(texts["close"]))
    text = "\n".join([filed, *examined, "FINDINGS:", " ".join(found)]) + "\n"
    return Report(text, tuple(Sentence(said) for said in (filed, *examined, *found)))


@cache
def _texts() -> dict[str, tuple[str, ...]]:
    """Every sentence that a section may have; in `indication`, SEX stands for the patient's."""
    rng = generator("synthetic", "notes", "radiology")
    return {
        section: tuple(
            capitalised(text)
            for template in templates
            for text in bank(rng, template, expansions(template))
        )
        for section, templates in grouped("radiology.csv", "section", "template").items()
    }
