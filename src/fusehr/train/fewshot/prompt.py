"""What a chat model is told: its instruction, cases with their recorded level, and one without."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

NOTHING = "none recorded"


def instruction(shares: Mapping[str, float], *, cases: int) -> str:
    """The system message. shares: of each level among so many train cases."""
    told = json.dumps({level: round(share, 2) for level, share in shares.items()})
    return (
        "You assess how urgent it is to treat a patient who arrives at an emergency department. "
        "You are shown earlier cases with the level that was recorded for them, if there are any, "
        "and then one case without its level. Answer with one JSON object and nothing else: for "
        f"each of the levels {', '.join(shares)} the probability that it is the recorded one, "
        f"numbers from 0 to 1 that add up to 1. Of all {cases:,} earlier cases, shown or not, the "
        f"shares are {told}."
    )


def described(vitals: np.ndarray, units: Mapping[str, str], text: str) -> str:
    """A case in words. vitals: float64 (n_vitals,), nan where not charted, in the order of `units`,
    vital -> unit."""
    values = [
        f"{name} {value:g} {unit}"
        for (name, unit), value in zip(units.items(), vitals.tolist(), strict=True)
        if not np.isnan(value)
    ]
    return f"Last vital signs: {', '.join(values) or NOTHING}\nNotes: {text or NOTHING}"


def prompt(examples: Sequence[tuple[str, str]], case: str) -> str:
    """The user's message. examples: (case in words, its level), the most alike last."""
    parts = [
        f"Earlier case {number}\n{words}\nLevel: {level}"
        for number, (words, level) in enumerate(examples, 1)
    ]
    return "\n\n".join([*parts, f"Case to assess\n{case}\nProbabilities of its level:"])
