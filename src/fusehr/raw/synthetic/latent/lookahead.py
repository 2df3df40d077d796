r"""True probability of deterioration within 24 hours of a window's index, in closed form.

A window's index is the start of block k of a stay. In each block a support begins with hazard h
(zero where none is free), and the stay ends with chance e; an exit is a death with chance D. Let '
mark the next block. A window without an event is one where no support begins now, and the stay then
ends alive now, or goes on without a support begun or a death in the next block:

    P(no event) = (1 - r h) [ e (1 - D) + (1 - e) E[ (1 - h') (1 - e' D') ] ]

r is whether a support is free now. In the next block one always is: what is free now and does not
begin stays free, and what has just stopped becomes free; windows with both running are left out.
A death on a ward comes at least 36 hours after the unit, so it falls into no window.

From 48 hours on, D = 0.75 times the chance to die in hospital, decided once by z at 48 hours, so D
is the same in both blocks and P, which is linear in D, needs its mean only. Before, D depends on q.

E is over q', which follows from q by the process of severity, and over the w of what is drawn in
the next block. `oracle` knows the w of what is drawn now, and of mortality from 48 hours on;
`attainable` knows q and averages over every w.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.raw.synthetic.arrays import Bools, Floats, Ints
from fusehr.raw.synthetic.latent.calibration import CUBATURE, normal_points
from fusehr.raw.synthetic.latent.risks import (
    BLOCK_HOURS,
    DEATH_IN_UNIT,
    EARLY_BLOCKS,
    LAST_BLOCK,
    Risks,
)
from fusehr.raw.synthetic.latent.severity import later, true_severity


@dataclass(frozen=True)
class Windows:
    """n windows. Severity has 4 axes.

    block: k. q, w: at the index, and the w of this block's hazard. mean: the patient's, of q.
    at_risk: a support is free. q_48h, w_48h: at 48 hours and the w of mortality; read where block
    is 4 or more. leave_rate: of the stay. hazard_flags, death_flags: what the patient's flags add
    to the two logits.
    """

    block: Ints
    q: Floats
    w: Floats
    mean: Floats
    at_risk: Bools
    q_48h: Floats
    w_48h: Floats
    leave_rate: Floats
    hazard_flags: Floats
    death_flags: Floats


def chances(risks: Risks, windows: Windows) -> tuple[Floats, Floats]:
    """Probabilities (n,) of an event within 24 hours: oracle, attainable."""
    late = windows.block >= EARLY_BLOCKS
    hazard = risks.hazard(true_severity(windows.q, windows.w), windows.hazard_flags)
    death = risks.mortality(true_severity(windows.q_48h, windows.w_48h), windows.death_flags)
    known = _chance(risks, windows, hazard, np.where(late, death, 0.0))

    w = normal_points(4, CUBATURE)
    hazard = risks.hazard(true_severity(windows.q[:, None], w), windows.hazard_flags[:, None]).mean(
        axis=1
    )
    death = risks.mortality(
        true_severity(windows.q_48h[:, None], w), windows.death_flags[:, None]
    ).mean(axis=1)
    return known, _chance(risks, windows, hazard, np.where(late, death, 0.0))


def _chance(risks: Risks, windows: Windows, hazard: Floats, death: Floats) -> Floats:
    """P(event), given h now, and from 48 hours on the chance to die in hospital."""
    early = windows.block < EARLY_BLOCKS
    dead = np.where(early, risks.early_death(windows.q), DEATH_IN_UNIT * death)
    exits = exit_chance(risks, windows.block, windows.leave_rate)
    survives_next = _next_block(risks, windows, dead)
    none = (1 - windows.at_risk * hazard) * (exits * (1 - dead) + (1 - exits) * survives_next)
    return 1 - none


def _next_block(risks: Risks, windows: Windows, dead: Floats) -> Floats:
    """E[(1 - h') (1 - e' D')] (n,)."""
    points = normal_points(12, CUBATURE)
    q = later(windows.q[:, None], windows.mean[:, None], BLOCK_HOURS, points[:, :4])
    hazard = risks.hazard(true_severity(q, points[:, 4:8]), windows.hazard_flags[:, None])
    block = windows.block + 1
    exits = exit_chance(risks, block, windows.leave_rate)
    dead = np.repeat(dead[:, None], CUBATURE, axis=1)
    before = block < EARLY_BLOCKS
    dead[before] = risks.early_death(q[before])
    at_48h = block == EARLY_BLOCKS
    z = true_severity(q[at_48h], points[:, 8:])
    dead[at_48h] = DEATH_IN_UNIT * risks.mortality(z, windows.death_flags[at_48h, None])
    return ((1 - hazard) * (1 - exits[:, None] * dead)).mean(axis=1)


def exit_chance(risks: Risks, block: Ints, leave_rate: Floats) -> Floats:
    """Chance (n,) that a stay which has come to `block` ends in it."""
    early = np.array([risks.early_exit(b) for b in range(EARLY_BLOCKS)])
    before = block < EARLY_BLOCKS
    chance = np.where(before, early[np.minimum(block, EARLY_BLOCKS - 1)], leave_rate)
    return np.where(block >= LAST_BLOCK, 1.0, chance)
