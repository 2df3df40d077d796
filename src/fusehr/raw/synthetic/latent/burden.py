r"""Chronic burden, and the phenotypes that it and the patient's state bring about.

Burden f ~ N(0, I) has three factors: cardiovascular, respiratory, renal-metabolic. At each visit

    logit P(phenotype j) = a_j + loadings_j . f + carry_j had_j + coupling_j q_axis(j) / sd(q)

where `had` is whether an earlier visit had it and q is the recorded severity 12 hours into the
visit. a_j gives the published prevalence at a first visit. Billing leaves out 12 % of what is true,
and labels are what is billed: P(billed) = 0.88 P(true).
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from fusehr.raw.synthetic.arrays import Bools, Floats
from fusehr.raw.synthetic.latent.calibration import REFERENCE, intercept_for, normal_points
from fusehr.raw.synthetic.latent.severity import DEVIATION_SD, RECORDED_SD, chronic_mean
from fusehr.raw.synthetic.vocabulary.conditions import PHENOTYPES

FACTORS = 3
ACUTE_HOUR = 12  # of the visit: when the state that shapes its phenotypes is taken
BILLED = 0.88

LOADINGS = np.array([p.loadings for p in PHENOTYPES])
AXIS = np.array([p.axis for p in PHENOTYPES])
COUPLING = np.array([p.coupling for p in PHENOTYPES])
CARRY = np.array([p.carry for p in PHENOTYPES])


def phenotype_intercepts() -> Floats:
    """a_j (25,) that give the prevalences of a first visit."""
    points = normal_points(FACTORS + 4, REFERENCE)
    burden = points[:, :FACTORS]
    q = chronic_mean(burden) + DEVIATION_SD * points[:, FACTORS:]
    rest = burden @ LOADINGS.T + COUPLING * q[:, AXIS] / RECORDED_SD
    return np.array(
        [
            intercept_for(p.prevalence, lambda a, j=j: float(expit(a + rest[:, j]).mean()))
            for j, p in enumerate(PHENOTYPES)
        ]
    )


def phenotype_chances(intercepts: Floats, burden: Floats, had: Bools, q: Floats) -> Floats:
    """P(true phenotype) (n, 25), given burden (n, 3), had (n, 25) and q (n, 4) of the visit."""
    return expit(
        intercepts + burden @ LOADINGS.T + CARRY * had + COUPLING * q[..., AXIS] / RECORDED_SD
    )


def billed_next(intercepts: Floats, burden: Floats, had: Bools) -> Floats:
    """P(billed phenotype at the next visit) (n, 25), before anything of that visit is known.

    The next visit's severity is averaged over its distribution around the patient's own mean, by
    Gauss-Hermite quadrature with 12 nodes: each phenotype depends on one axis.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    mean = chronic_mean(burden)
    total = np.zeros((len(burden), len(PHENOTYPES)))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        q = mean + DEVIATION_SD * node
        total += weight * phenotype_chances(intercepts, burden, had, q)
    return BILLED * total
