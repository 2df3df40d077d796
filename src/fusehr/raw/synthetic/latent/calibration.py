"""Intercepts that give the planned base rates, and the fixed points that expectations are taken at.

Nothing here draws from the cohort's own random streams: points are scrambled Sobol points with a
seed of their own, so that intercepts, `oracle` and `attainable` are the same on every run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, ndtri
from scipy.stats import qmc

from fusehr.core.frame.tasks import Task
from fusehr.core.params.raw import SyntheticParams
from fusehr.raw.synthetic.arrays import Floats
from fusehr.raw.synthetic.latent.parts import SEVERITY, flag_nodes, flag_parts
from fusehr.raw.synthetic.latent.scores import task_score
from fusehr.raw.synthetic.latent.severity import (
    CHRONIC_SHARE,
    RELIABILITY,
    chronic_mean,
)

CUBATURE = 128  # points of an expectation over z; halving it moves an AUROC by less than .001
REFERENCE = 8192  # points that stand for the population


@lru_cache(maxsize=16)
def normal_points(dimensions: int, n: int) -> Floats:
    """`n` (a power of 2) fixed points (n, dimensions) spread as N(0, I), each of weight 1/n."""
    sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(1))
    points = np.asarray(ndtri(sobol.random(n)))
    points.setflags(write=False)
    return points


def intercept_for(rate: float, mean_at: Callable[[float], float]) -> float:
    """The intercept at which `mean_at(intercept)`, which rises with it, equals `rate`."""
    return float(brentq(lambda a: mean_at(a) - rate, -60, 60, xtol=1e-10))  # type: ignore[arg-type]


def reference_logits(task: Task, params: SyntheticParams) -> tuple[Floats, Floats]:
    """Logits of the population without the intercept, and their weights (sum 1).

    Severity at REFERENCE points of (burden, z), times the nodes of each flag.
    """
    points = normal_points(7, REFERENCE)
    burden, own = points[:, :3], points[:, 3:]
    chronic = RELIABILITY * chronic_mean(burden)
    spread = np.sqrt(1 - RELIABILITY * CHRONIC_SHARE)
    logits = SEVERITY.gain(task, params) * task_score(task, chronic + spread * own, burden)
    weights = np.full(REFERENCE, 1 / REFERENCE)
    for part in flag_parts():
        added, shares = flag_nodes(part, task, params)
        kept = shares > 0
        logits = (logits[:, None] + added[kept]).ravel()
        weights = (weights[:, None] * shares[kept]).ravel()
    return logits, weights


def intercept(task: Task, rate: float, params: SyntheticParams) -> float:
    """Intercept of `task` at which the population's mean probability is `rate`."""
    logits, weights = reference_logits(task, params)
    return intercept_for(rate, lambda a: float(weights @ expit(a + logits)))
