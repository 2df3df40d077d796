r"""The parts of each task's logit. Every modality holds one that no other modality holds.

    logit p(task) = intercept(task) + sum over parts of knob * sqrt(variance[task]) * score

`knob` is `raw.synthetic.signal.<name of the part>`: 1 as designed, 0 removes the part. A score has
mean 0 and variance 1: of severity it is `scores.task_score`; a part with a `prevalence` is a flag
of the visit, which is drawn, standardised, added to every logit and counted in every intercept
for no more than being listed in PARTS. What writes the flag into a file then finds it in
`Visits.flags[name]` and `Emergencies.flags[name]`.

Flags are drawn anew at each visit, independently of everything else. Were they the patient's own,
readmissions (which they bring about) would tell of them, and so would the number of codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fusehr.core.frame.tasks import Task
from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import Bools, Floats


@dataclass(frozen=True)
class Part:
    """One modality's share of the risk.

    name: of its knob in raw.synthetic.signal. variance: of the logit, by task, at knob 1; a task
    that is not named has none. prevalence: of the visit's flag; None for severity, which is no
    flag. shown: share of a task's samples in whose files the flag can be seen, 1 where a task is
    not named; where it cannot be seen, it adds nothing.
    """

    name: str
    variance: Mapping[Task, float]
    prevalence: float | None = None
    shown: Mapping[Task, float] = field(default_factory=dict)

    def gain(self, task: Task, params: SyntheticParams) -> float:
        """What the standard score is multiplied with in the logit of `task`."""
        knob: float = getattr(params.signal, self.name)
        return knob * self.variance.get(task, 0.0) ** 0.5

    def standardise(self, flag: Bools | Floats) -> Floats:
        """The flag (0 or 1) as a score of mean 0 and variance 1."""
        assert self.prevalence is not None, f"{self.name} is no flag"
        p = self.prevalence
        return (np.asarray(flag, dtype=np.float64) - p) / np.sqrt(p * (1 - p))


# Variances of the whole logit by design: mortality 3.8, readmission 2.0, deterioration 3.6;
# severity has about 60 % of each. A triage sample without an image has no part of the image.
IMAGED = 0.45  # of visits to the emergency department: a chest image is taken there
SEVERITY = Part(
    "severity", {"mortality": 2.2, "readmission": 1.2, "deterioration": 2.16, "triage": 6.4}
)
NOTES = Part(
    "notes", {"mortality": 0.7, "readmission": 0.4, "deterioration": 0.7, "triage": 0.8}, 0.3
)
IMAGE = Part(
    "image",
    {"mortality": 0.4, "deterioration": 0.35, "triage": 0.8},
    0.4,
    shown={"triage": IMAGED},
)
GRAPH = Part("graph", {"mortality": 0.5, "readmission": 0.4, "deterioration": 0.39}, 0.2)

PARTS: tuple[Part, ...] = (SEVERITY, NOTES, IMAGE, GRAPH)


def flag_parts() -> tuple[Part, ...]:
    """The parts that are flags of the visit."""
    return tuple(part for part in PARTS if part.prevalence is not None)


def draw_flags(seed: int, block: int, kind: str, patients: int) -> dict[str, Bools]:
    """Each flag of a block's patients for one `kind` of visit (`visit 0`, `ed only 1`).

    From a stream of its own each: a new part moves no other draw.
    """
    return {
        part.name: generator("synthetic", seed, block, "flag", part.name, kind).random(patients)
        < (part.prevalence or 0.0)
        for part in flag_parts()
    }


def flag_terms(
    task: Task,
    flags: Mapping[str, Bools],
    params: SyntheticParams,
    shown: Mapping[str, Bools] | None = None,
) -> dict[str, Floats]:
    """What each of the visits' flags adds to the logit of `task`, (visits,) by name of the part.

    `shown`: where a flag can be seen; everywhere, if it is not named.
    """
    seen = shown or {}
    return {
        part.name: part.gain(task, params)
        * part.standardise(flags[part.name])
        * seen.get(part.name, 1.0)
        for part in flag_parts()
    }


def flags_logit(
    task: Task,
    flags: Mapping[str, Bools],
    params: SyntheticParams,
    shown: Mapping[str, Bools] | None = None,
) -> Floats | float:
    """What the visits' flags add to the logit of `task`: (visits,), or 0.0 without flags."""
    return sum(flag_terms(task, flags, params, shown).values(), start=0.0)


def flag_nodes(part: Part, task: Task, params: SyntheticParams) -> tuple[Floats, Floats]:
    """What a flag may add to the logit of `task` (3,): absent, present, not to be seen; weights."""
    p, shown = part.prevalence or 0.0, part.shown.get(task, 1.0)
    added = part.gain(task, params) * part.standardise(np.array([0.0, 1.0]))
    return np.append(added, 0.0), np.array([(1 - p) * shown, p * shown, 1 - shown])
