r"""Severity through time: what is recorded of it, and what decides outcomes.

Four axes, in this order: circulatory, respiratory, renal-metabolic, neurological-thermal.

Recorded severity q(t) is, on each axis, a stationary Ornstein-Uhlenbeck process with a correlation
time of 36 hours around the patient's own mean, which chronic burden shifts on the first three axes:

    q(t) = mean(burden) + u(t),    Var q = 4/3,    Cov(u(t), u(s)) = Var(u) exp(-|t - s| / 36 h)

Everything that is written to a file (vital signs, laboratory values, how often they are taken, the
length of stay, early deaths) is drawn from q and noise of its own.

True severity z is what outcomes are drawn from. An outcome decided at time t sees

    z = 0.75 q(t) + 0.5 w,    w ~ N(0, I),    one fresh w for every outcome that is drawn.

So Var z = 0.75^2 * 4/3 + 0.25 = 1; q = z + e with Var e = 1/3, that is, severity is recorded with
reliability 0.75; and, whatever is known besides,

    E[z | the whole path of q] = 0.75 q(t)  and  Var[z | the whole path of q] = 0.25,  exactly.

Why w is fresh and not a process in time: events are recorded too. If w lasted, a support begun
yesterday, an acuity given on arrival or a death that did not happen would each tell something of
today's w, and a model could know more than q. As it is, given q the outcomes of one patient are
independent of each other and of every row in the files, so E[p | q] is the best prediction there
is. That is `attainable`; `oracle` knows w.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from fusehr.raw.synthetic.arrays import Floats

AXES = ("circulatory", "respiratory", "renal_metabolic", "neurological_thermal")
CIRCULATORY, RESPIRATORY, RENAL, THERMAL = range(4)

CORRELATION_HOURS = 36.0
RELIABILITY = 0.75
RECORDED_SD = RELIABILITY**-0.5  # of q; 1.155
RESIDUAL_SD = (1 - RELIABILITY) ** 0.5  # of z about its expectation given q; 0.5

# Share of Var q that is the patient's lasting mean, by axis. Temperature has no chronic mean.
CHRONIC_SHARE = np.array([0.2, 0.2, 0.2, 0.0])
DEVIATION_SD = RECORDED_SD * np.sqrt(1 - CHRONIC_SHARE)  # of u, by axis


def chronic_mean(burden: Floats) -> Floats:
    """Mean of q by axis (..., 4) of patients with chronic burden (..., 3).

    The factors are cardiovascular, respiratory and renal-metabolic, and each shifts its own axis.
    """
    padded = np.concatenate([burden, np.zeros_like(burden[..., :1])], axis=-1)
    return RECORDED_SD * np.sqrt(CHRONIC_SHARE) * padded


def paths(rng: np.random.Generator, mean: Floats, hours: int) -> Floats:
    """q at every hour (n, hours, 4) around `mean` (n, 4), stationary from the first hour on."""
    keep = np.exp(-1 / CORRELATION_HOURS)
    noise = rng.standard_normal((len(mean), hours, 4))
    noise[:, 1:] *= np.sqrt(1 - keep**2)
    deviation = np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=1))
    return mean[:, None, :] + DEVIATION_SD * deviation


def later(q: Floats, mean: Floats, hours: float, normals: Floats) -> Floats:
    """q `hours` later, given q (..., 4) now; `normals` are standard normal draws."""
    keep = np.exp(-hours / CORRELATION_HOURS)
    return mean + keep * (q - mean) + np.sqrt(1 - keep**2) * DEVIATION_SD * normals


def true_severity(q: Floats, normals: Floats) -> Floats:
    """z (..., 4) as one outcome sees it, given q and this outcome's own w."""
    return RELIABILITY * q + RESIDUAL_SD * normals
