"""Sentences that have nothing to do with any label."""

from __future__ import annotations

from functools import cache

from fusehr.core.seeding import generator
from fusehr.raw.synthetic.notes.grammar import bank, grouped
from fusehr.raw.synthetic.notes.sentences import Sentence
from fusehr.raw.synthetic.notes.typing_errors import mistyped

# Sentences on one topic. Every different sentence is embedded on its own later on: enough not to be
# learnt by heart, few enough to be embedded in minutes.
MOST = 260


@cache
def fillers(seed: int) -> dict[str, dict[str, tuple[Sentence, ...]]]:
    """Sentences by section of a note and topic (a template), the same for a whole cohort."""
    found: dict[str, dict[str, tuple[Sentence, ...]]] = {}
    for section, templates in grouped("fillers.csv", "section", "template").items():
        rng = generator("synthetic", seed, "notes", "fillers", section)
        found[section] = {
            template: tuple(
                Sentence(text, topic=template) for text in mistyped(rng, bank(rng, template, MOST))
            )
            for template in templates
        }
    return found
