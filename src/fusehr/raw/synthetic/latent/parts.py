r"""The parts of each task's logit. Every modality holds one that no other modality holds.

    logit p(task) = intercept(task) + sum over parts of knob * sqrt(variance[task]) * score

`knob` is `raw.synthetic.signal.<name of the part>`: 1 as designed, 0 removes the part. A score has
mean 0 and variance 1: of severity it is `scores.task_score`; a part with a `prevalence` is a flag
of the patient, which is drawn, standardised, added to every logit and counted in every intercept
for no more than being listed in PARTS. What writes the flag into a file then finds it in
`Patients.flags[name]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fusehr.core.frame.tasks import Task
from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import Bools, Floats


@dataclass(frozen=True)
class Part:
    """One modality's share of the risk.

    name: of its knob in raw.synthetic.signal. variance: of the logit, by task, at knob 1; a task
    that is not named has none. prevalence: of the patient's flag; None for severity, which is no
    flag.
    """

    name: str
    variance: Mapping[Task, float]
    prevalence: float | None = None

    def gain(self, task: Task, params: SyntheticParams) -> float:
        """What the standard score is multiplied with in the logit of `task`."""
        knob: float = getattr(params.signal, self.name)
        return knob * self.variance.get(task, 0.0) ** 0.5

    def standardise(self, flag: Bools | Floats) -> Floats:
        """The flag (0 or 1) as a score of mean 0 and variance 1."""
        assert self.prevalence is not None, f"{self.name} is no flag"
        p = self.prevalence
        return (np.asarray(flag, dtype=np.float64) - p) / np.sqrt(p * (1 - p))


# Variances of the whole logit by design: mortality 4.0, readmission 2.0, deterioration 3.6;
# severity has 60 % of each. Triage has severity alone: 8.0 gives an attainable macro AUROC of .80.
SEVERITY = Part(
    "severity", {"mortality": 2.4, "readmission": 1.2, "deterioration": 2.16, "triage": 8.0}
)

PARTS: tuple[Part, ...] = (SEVERITY,)


def flag_parts() -> tuple[Part, ...]:
    """The parts that are flags of the patient."""
    return tuple(part for part in PARTS if part.prevalence is not None)


def draw_flags(seed: int, block: int, patients: int) -> dict[str, Bools]:
    """Each flag of a block, from a stream of its own: a new part moves no other draw."""
    return {
        part.name: generator("synthetic", seed, block, "flag", part.name).random(patients)
        < (part.prevalence or 0.0)
        for part in flag_parts()
    }


def flags_logit(task: Task, flags: Mapping[str, Bools], params: SyntheticParams) -> Floats | float:
    """What the patients' flags add to the logit of `task`: (patients,), or 0.0 without flags."""
    return sum(
        (part.gain(task, params) * part.standardise(flags[part.name]) for part in flag_parts()),
        start=0.0,
    )
