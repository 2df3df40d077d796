"""The course of an ICU stay in blocks of 12 hours from admission to the unit.

Before 48 hours a stay ends in each block with a chance that is the same for all stays; whether that
exit is a death depends on q. At 48 hours death in hospital is decided, by z then. From 48 hours on
the stay ends in each block with a chance that depends on q at admission only: if the patient is to
die, the exit is death in the unit with chance 0.75, else death on a ward at least 36 hours later.

So when a stay ends tells nothing of z, and neither does having stayed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.raw.synthetic.arrays import HOUR, Bools, Floats, Ints
from fusehr.raw.synthetic.latent.risks import (
    BLOCK_HOURS,
    DEATH_IN_UNIT,
    EARLY_BLOCKS,
    LAST_BLOCK,
    Risks,
)
from fusehr.raw.synthetic.latent.severity import true_severity

BLOCK_SECONDS = BLOCK_HOURS * HOUR


@dataclass(frozen=True)
class Course:
    """n stays. Times are seconds from admission to the unit.

    exit_block: in which the stay ends. exit_after: when. leave_rate: chance to leave per block from
    48 hours on. reached: the stay lasted 48 hours. w: (n, 4) through which mortality saw severity.
    dies: death in hospital after 48 hours was drawn. dies_in_unit: dead on exit, early or late.
    """

    exit_block: Ints
    exit_after: Ints
    leave_rate: Floats
    reached: Bools
    w: Floats
    dies: Bools
    dies_in_unit: Bools


def draw_course(rng: np.random.Generator, risks: Risks, q: Floats, flags: Floats | float) -> Course:
    """Courses of n stays with q (n, LAST_BLOCK + 1, 4) at each block's start.

    `flags`: what the patients' flags add to the logit of mortality, (n,) or 0.0.
    """
    n = len(q)
    blocks = np.arange(LAST_BLOCK + 1)
    leave_rate = risks.leave_rate(q[:, 0])
    chance = np.where(blocks < EARLY_BLOCKS, 0.0, leave_rate[:, None])
    chance[:, :EARLY_BLOCKS] = [risks.early_exit(b) for b in range(EARLY_BLOCKS)]
    chance[:, LAST_BLOCK] = 1.0
    exit_block = (rng.random(chance.shape) < chance).argmax(axis=1)
    reached = exit_block >= EARLY_BLOCKS

    w = rng.standard_normal((n, 4))
    dies = (rng.random(n) < risks.mortality(true_severity(q[:, EARLY_BLOCKS], w), flags)) & reached
    at_exit = q[np.arange(n), exit_block]
    dies_early = (rng.random(n) < risks.early_death(at_exit)) & ~reached
    dies_in_unit = dies_early | (dies & (rng.random(n) < DEATH_IN_UNIT))

    # half an hour into the block at least, so that a support begun in it has room; nobody leaves in
    # the first three hours of a stay
    first = np.where(exit_block == 0, 180, 30)
    last = BLOCK_SECONDS // 60 - 1
    minute = first + np.floor(rng.random(n) * (last - first)).astype(np.int64)
    return Course(
        exit_block=exit_block,
        exit_after=exit_block * BLOCK_SECONDS + minute * 60,
        leave_rate=leave_rate,
        reached=reached,
        w=w,
        dies=dies,
        dies_in_unit=dies_in_unit,
    )
