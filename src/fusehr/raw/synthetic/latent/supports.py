"""Vasopressors and invasive ventilation: runs of support, begun by chance of the hidden severity.

In each block of 12 hours a patient is at risk if at least one of the two supports is free to begin:
it is not running, and had stopped at least 6 hours before the block. Then one of them begins with
the hazard h(z) of that block, whichever is free (with both, the axis in greater need decides). Runs
end on block boundaries, so that a support which stops at a boundary is free from the next block on,
and every begin that is ever written comes at least 12 hours after the last end. Many stays arrive
with a support, as in MIMIC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import MINUTE, MISSING, Bools, Floats, Ints
from fusehr.raw.synthetic.latent.icu import BLOCK_SECONDS
from fusehr.raw.synthetic.latent.parts import flags_logit
from fusehr.raw.synthetic.latent.patients import Patients
from fusehr.raw.synthetic.latent.risks import LAST_BLOCK, Risks
from fusehr.raw.synthetic.latent.severity import CIRCULATORY, RESPIRATORY, true_severity
from fusehr.raw.synthetic.latent.visits import Visits

VASOPRESSOR, VENTILATION = range(2)
ON_ARRIVAL = np.array([-1.05, -0.75])  # logits at q = 0: 26 % and 32 %
MEAN_BLOCKS = np.array([2.6, 3.4])  # that a run lasts


@dataclass(frozen=True)
class Stays:
    """S stays in the ICU. Blocks are of 12 hours from admission to the unit.

    visit: row in Visits. q, w: (S, blocks, 4) at each block's start, and what its hazard saw of z
    beside. at_risk, both: (S, blocks) a support was free to begin; both were running at the start.
    """

    visit: Ints
    intime: Ints
    outtime: Ints
    exit_block: Ints
    q: Floats
    w: Floats
    at_risk: Bools
    both: Bools

    def __len__(self) -> int:
        return len(self.visit)


@dataclass(frozen=True)
class Runs:
    """R runs of support, whole minutes. on_arrival: begun elsewhere or within the first hour."""

    stay: Ints
    support: Ints
    start: Ints
    end: Ints
    block: Ints
    on_arrival: Bools

    def running(self, stays: int, support: int) -> Bools:
        """Whether each of `stays` stays ever had the support."""
        return np.bincount(self.stay[self.support == support], minlength=stays) > 0


def draw_supports(
    params: SyntheticParams, block: int, patients: Patients, visits: Visits, risks: Risks
) -> tuple[Stays, Runs]:
    """Every stay in the ICU and its runs of support."""
    rng = generator("synthetic", params.seed, block, "supports")
    visit = np.flatnonzero(visits.icu_in != MISSING)
    n, blocks = len(visit), LAST_BLOCK + 1
    intime, exit_block = visits.icu_in[visit], visits.exit_block[visit]
    starts = intime[:, None] + BLOCK_SECONDS * np.arange(blocks)
    q = visits.severity(visit[:, None], starts)
    w = rng.standard_normal((n, blocks, 4))
    flags = {name: flag[visit] for name, flag in visits.flags.items()}
    offset = np.asarray(flags_logit("deterioration", flags, params))
    hazard = risks.hazard(true_severity(q, w), offset[..., None])

    begins = _simulate(rng, q, hazard, exit_block)
    runs = _timed(rng, begins, intime, visits.icu_out[visit], exit_block)
    stays = Stays(
        visit=visit,
        intime=intime,
        outtime=visits.icu_out[visit],
        exit_block=exit_block,
        q=q,
        w=w,
        at_risk=begins.at_risk,
        both=begins.both,
    )
    return stays, runs


@dataclass(frozen=True)
class _Begins:
    stay: Ints
    support: Ints
    block: Ints
    until: Ints  # block at whose start the run ends
    on_arrival: Bools
    at_risk: Bools
    both: Bools


def _simulate(rng: np.random.Generator, q: Floats, hazard: Floats, exit_block: Ints) -> _Begins:
    """The state machine over blocks, for all stays at once."""
    n, blocks = hazard.shape
    need = q[:, :, [CIRCULATORY, RESPIRATORY]]  # (S, blocks, 2)
    lasts = rng.geometric(1 / MEAN_BLOCKS, (n, blocks, 2))
    arrives = rng.random((n, 2)) < expit(ON_ARRIVAL + 0.9 * need[:, 0])
    chance, prefers = rng.random((n, blocks)), rng.random((n, blocks))

    # block at whose start the last run ends; -1 means never run
    until = np.where(arrives, lasts[:, 0], -1)
    at_risk, both = np.zeros((n, blocks), dtype=bool), np.zeros((n, blocks), dtype=bool)
    stay, support = (part.astype(np.int64) for part in np.nonzero(arrives))
    found = [(stay, support, np.zeros_like(stay), until[stay, support], np.ones_like(stay))]
    for b in range(int(exit_block.max(initial=-1)) + 1):
        here = exit_block >= b
        both[:, b] = here & (until > b).all(axis=1) & (b > 0)
        free = until < b  # neither running nor stopped at this very boundary
        at_risk[:, b] = here & free.any(axis=1)
        event = np.flatnonzero(at_risk[:, b] & (chance[:, b] < hazard[:, b]))
        if not len(event):
            continue
        pressor = prefers[event, b] < expit(need[event, b, 0] - need[event, b, 1])
        either = free[event].all(axis=1)
        which = np.where(either, np.where(pressor, 0, 1), free[event].argmax(axis=1))
        until[event, which] = b + lasts[event, b, which]
        found.append(
            (event, which, np.full_like(event, b), until[event, which], np.zeros_like(event))
        )
    stay, support, block, ends, arrived = (
        np.concatenate(part) for part in zip(*found, strict=True)
    )
    return _Begins(stay, support, block, ends, arrived.astype(bool), at_risk, both)


def _timed(
    rng: np.random.Generator, begins: _Begins, intime: Ints, outtime: Ints, exit_block: Ints
) -> Runs:
    """Give runs their minutes: begun uniformly within a block, ended on a boundary or on exit."""
    floor = intime[begins.stay] // MINUTE * MINUTE
    out = outtime[begins.stay] // MINUTE * MINUTE
    begin = floor + begins.block * BLOCK_SECONDS
    room = np.minimum(begin + BLOCK_SECONDS, out) - begin
    # at least a minute into the block, and a minute before it ends
    minutes = np.maximum((room // MINUTE) - 1, 1)
    late = 1 + np.floor(rng.random(len(begin)) * (minutes - 1))
    soon = 2 + np.floor(rng.random(len(begin)) * 45)
    start = begin + MINUTE * np.where(begins.on_arrival, soon, late).astype(np.int64)
    end = np.minimum(floor + begins.until * BLOCK_SECONDS, out)
    rows = np.lexsort((begins.support, start, begins.stay))
    return Runs(
        stay=begins.stay[rows],
        support=begins.support[rows],
        start=start[rows],
        end=end[rows],
        block=begins.block[rows],
        on_arrival=begins.on_arrival[rows],
    )
