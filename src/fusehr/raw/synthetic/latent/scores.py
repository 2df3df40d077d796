r"""Which severity matters for which outcome: standard scores of z.

A score is a weighted sum of functions of z that are orthonormal under N(0, I),

    z_i,    (z_i^2 - 1) / sqrt(2),    z_i z_j,

so that weights whose squares sum to 1 give a score of mean 0 and variance exactly 1. Squares make
the risk U-shaped (cold and fever both kill); products make two failing organs worse than their sum.
Together they hold 30 to 40 % of the variance, which a linear model cannot see.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fusehr.core.frame.tasks import Task
from fusehr.raw.synthetic.arrays import Floats
from fusehr.raw.synthetic.latent.severity import (
    CHRONIC_SHARE,
    CIRCULATORY,
    RELIABILITY,
    RENAL,
    RESPIRATORY,
    THERMAL,
    chronic_mean,
)

C, R, N, T = CIRCULATORY, RESPIRATORY, RENAL, THERMAL

# Share of the score's variance by term: (i,) linear, (i, i) U-shaped, (i, j) interaction.
Shares = Mapping[tuple[int, ...], float]

MORTALITY: Shares = {(C,): 0.30, (R,): 0.26, (N,): 0.12, (T, T): 0.17, (C, N): 0.15}
DETERIORATION: Shares = {(C,): 0.27, (R,): 0.27, (N,): 0.06, (T, T): 0.20, (C, R): 0.20}
TRIAGE: Shares = {(C,): 0.28, (R,): 0.28, (N,): 0.08, (T, T): 0.24, (C, R): 0.12}
AT_DISCHARGE: Shares = {(C,): 0.30, (R,): 0.20, (N,): 0.20, (T, T): 0.20, (C, N): 0.10}
STRAIN: Shares = {(C,): 0.4, (R,): 0.3, (N,): 0.3}

BURDEN_SHARE = 0.45  # of the readmission score: chronic burden; the rest is the state at discharge


def score(z: Floats, shares: Shares) -> Floats:
    """Standard score (...) of z (..., 4): mean 0 and variance 1 where z is N(0, I)."""
    total = np.zeros(z.shape[:-1])
    for term, share in shares.items():
        if len(term) == 1:
            value = z[..., term[0]]
        elif term[0] == term[1]:
            value = (z[..., term[0]] ** 2 - 1) / np.sqrt(2)
        else:
            value = z[..., term[0]] * z[..., term[1]]
        total += np.sqrt(share) * value
    return total


def recorded_score(q: Floats, shares: Shares) -> Floats:
    """The score of q (..., 4) scaled to unit variance: for what staff decide by what they see."""
    return score(np.sqrt(RELIABILITY) * q, shares)


def frailty_of(burden: Floats) -> Floats:
    """Chronic burden (..., 3) as one standard number."""
    return burden.sum(axis=-1) / np.sqrt(3)


def task_score(task: Task, z: Floats, burden: Floats) -> Floats:
    """The severity score of a task's index (...), standard normal moments in the population.

    z: (..., 4); burden: (..., 3), used by readmission only. There the chronic part of z is taken
    out first, so that burden and state at discharge are independent and their variances add up.
    """
    if task == "mortality":
        return score(z, MORTALITY)
    if task == "deterioration":
        return score(z, DETERIORATION)
    if task == "triage":
        return score(z, TRIAGE)
    if task == "readmission":
        own = (z - RELIABILITY * chronic_mean(burden)) / np.sqrt(1 - RELIABILITY * CHRONIC_SHARE)
        state = score(own, AT_DISCHARGE)
        return np.sqrt(BURDEN_SHARE) * frailty_of(burden) + np.sqrt(1 - BURDEN_SHARE) * state
    raise ValueError(f"no severity score for the task {task}")
