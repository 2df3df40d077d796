"""Probabilities of everything that happens to a patient, calibrated once per run.

`flags` in these functions is what `parts.flags_logit` gives for the task: an array that broadcasts
with the severity, or 0.0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from fusehr.core.frame.tasks import Task
from fusehr.core.params.raw import SyntheticParams
from fusehr.raw.synthetic.arrays import Floats
from fusehr.raw.synthetic.latent.calibration import (
    REFERENCE,
    intercept,
    intercept_for,
    normal_points,
)
from fusehr.raw.synthetic.latent.parts import SEVERITY
from fusehr.raw.synthetic.latent.scores import MORTALITY, STRAIN, recorded_score, task_score
from fusehr.raw.synthetic.latent.severity import RECORDED_SD

# At 48 hours, of patients drawn at random; the burdened die earlier, which leaves .116.
MORTALITY_RATE = 0.118
# Of patients drawn at random; of those discharged alive it makes .17.
READMISSION_RATE = 0.176
# A support begun in 12 hours, of those at risk. With deaths it makes 7 % of windows positive.
HAZARD_RATE = 0.0298
# Acuity 1, 1-2, 1-3, 1-4; classes high (1-2) .38, medium (3) .55, low (4-5) .07 as in MIMIC-IV-ED.
ACUITY_CUMULATIVE = np.array([0.055, 0.38, 0.93, 0.995])

BLOCK_HOURS = 12
EARLY_BLOCKS = 4  # before 48 hours
LAST_BLOCK = 59  # nobody stays longer than 30 days
# How the exits before 48 hours are shared among the four blocks.
EARLY_EXIT_SHARES = np.array([0.08, 0.32, 0.36, 0.24])
DEATH_SHARE_OF_EARLY_EXITS = 0.10
DEATH_IN_UNIT = 0.75  # of those who die in hospital after 48 hours; the others die on a ward
LEAVE_RATE = 0.135  # per block from 48 hours on
LEAVE_SLOPE = 0.35  # how much the more strained leave later
WARD_DEATH_RATE = 0.012  # of visits without an ICU stay


@dataclass(frozen=True)
class Risks:
    """Calibrated probabilities; build with `calibrate`.

    reach_48h: share of ICU stays that last 48 hours, the same for all stays.
    cuts: of the cumulative logits of acuity 1 to 4.
    """

    params: SyntheticParams
    reach_48h: float
    intercepts: dict[Task, float]
    cuts: Floats
    early_death_intercept: float

    def of(self, task: Task, z: Floats, burden: Floats, flags: Floats | float = 0.0) -> Floats:
        """Probability (...) of a binary task's outcome, given z (..., 4) and burden (..., 3)."""
        gain = SEVERITY.gain(task, self.params)
        return expit(self.intercepts[task] + gain * task_score(task, z, burden) + flags)

    def mortality(self, z: Floats, flags: Floats | float = 0.0) -> Floats:
        """Death in hospital, for a stay that reached 48 hours, given z then."""
        return self.of("mortality", z, z[..., :3], flags)

    def hazard(self, z: Floats, flags: Floats | float = 0.0) -> Floats:
        """A support begins within 12 hours, given z then and a support free to begin."""
        return self.of("deterioration", z, z[..., :3], flags)

    def acuity(self, z: Floats, flags: Floats | float = 0.0) -> Floats:
        """Cumulative probabilities (..., 4) of acuity 1, 1-2, 1-3, 1-4 on arrival."""
        pull = SEVERITY.gain("triage", self.params) * task_score("triage", z, z[..., :3]) + flags
        return expit(self.cuts + pull[..., None])

    def early_exit(self, block: int) -> float:
        """Chance to leave the ICU, dead or alive, in a block before 48 hours: the same for all."""
        return 1 - self.reach_48h ** EARLY_EXIT_SHARES[block]

    def early_death(self, q: Floats) -> Floats:
        """Chance (...) that an exit before 48 hours is a death, given q at the block's start."""
        knob = self.params.signal.severity
        return expit(self.early_death_intercept + knob * recorded_score(q, MORTALITY))

    def leave_rate(self, q: Floats) -> Floats:
        """Chance (...) to leave the ICU in each block from 48 hours on, given q at admission."""
        strain = self.params.signal.severity * LEAVE_SLOPE * recorded_score(q, STRAIN)
        return expit(logit(LEAVE_RATE) - strain)

    def ward_death(self, q: Floats) -> Floats:
        """Chance (...) to die in a visit without an ICU stay, given q at admission."""
        strain = self.params.signal.severity * recorded_score(q, STRAIN)
        return expit(logit(WARD_DEATH_RATE) - 0.5 * self.params.signal.severity**2 + strain)


def calibrate(params: SyntheticParams, reach_48h: float) -> Risks:
    """Solve every intercept for its base rate; deterministic, well under a second."""
    cuts = np.array([intercept("triage", rate, params) for rate in ACUITY_CUMULATIVE])
    severity = RECORDED_SD * normal_points(4, REFERENCE)
    knob = params.signal.severity
    early = intercept_for(
        DEATH_SHARE_OF_EARLY_EXITS,
        lambda a: float(expit(a + knob * recorded_score(severity, MORTALITY)).mean()),
    )
    rates: dict[Task, float] = {
        "mortality": MORTALITY_RATE,
        "readmission": READMISSION_RATE,
        "deterioration": HAZARD_RATE,
    }
    intercepts: dict[Task, float] = {
        task: intercept(task, rate, params) for task, rate in rates.items()
    }
    return Risks(params, reach_48h, intercepts, cuts, early)
