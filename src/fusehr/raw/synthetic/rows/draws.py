"""When blood is drawn, and for which panels: more often in the ICU, and from the sicker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from fusehr.raw.synthetic.arrays import DAY, HOUR, MINUTE, MISSING, Bools, Floats, Ints, spread
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.keys import in_unit, shifted, state
from fusehr.raw.synthetic.vocabulary.conditions import column
from fusehr.raw.synthetic.vocabulary.laboratory import PANELS

SLOT = 4 * HOUR  # at most one draw in each
OUTPATIENT = 1.6  # mean draws of a patient before the first admission
OUTPATIENT_OFFSET = -0.9  # see keys.WARD_OFFSET


@dataclass(frozen=True)
class Draws:
    """n specimens' draws. visit: row in Visits, MISSING for outpatients. state: (n, 4) q then.

    panels: (n, panels) which tests are asked for. urgent: STAT.
    """

    patient: Ints
    visit: Ints
    time: Ints
    state: Floats
    panels: Bools
    urgent: Bools


def draw(world: World) -> Draws:
    """All draws of a block, sorted by patient and time."""
    rng = world.stream("draws")
    visit, time = _inpatient_times(rng, world)
    inside = in_unit(world, visit, time)
    q = state(world, visit, time)
    who, earlier = _outpatient_times(rng, world)
    usual = shifted(world.patients.mean[who], OUTPATIENT_OFFSET)
    patient = np.concatenate([world.visits.patient[visit], who])
    rows = Draws(
        patient=patient,
        visit=np.concatenate([visit, np.full(len(who), MISSING)]),
        time=np.concatenate([time, earlier]),
        state=np.concatenate([q, usual]),
        panels=np.concatenate(
            [
                _panels(rng, world, visit, time, q, inside),
                np.tile([True, True, False, False, False, False], (len(who), 1)),
            ]
        ),
        urgent=np.concatenate([inside | (rng.random(len(visit)) < 0.35), np.zeros(len(who), bool)]),
    )
    order = np.lexsort((rows.time, rows.patient))
    return Draws(**{name: column[order] for name, column in vars(rows).items()})


def _inpatient_times(rng: np.random.Generator, world: World) -> tuple[Ints, Ints]:
    visits = world.visits
    slots = np.maximum((visits.discharge - visits.start) // SLOT, 1)
    visit, slot = spread(slots)
    begin = visits.start[visit] + slot * SLOT
    q = state(world, visit, begin)
    sick = q[:, :3].mean(axis=1)
    inside = in_unit(world, visit, begin)
    morning = (begin // HOUR % 24 >= 3) & (begin // HOUR % 24 < 7)
    ward = np.where(morning, 0.72, 0.03 + 0.05 * expit(sick))
    unit = np.where(morning, 0.9, np.clip(0.27 + 0.12 * sick, 0.08, 0.7))
    drawn = (slot == 0) | (rng.random(len(visit)) < np.where(inside, unit, ward))
    minute = np.where(
        slot == 0, 15 + rng.integers(0, 40, len(visit)), rng.integers(0, 240, len(visit))
    )
    time = begin + minute * MINUTE
    drawn &= time < visits.discharge[visit]
    return visit[drawn], time[drawn] // MINUTE * MINUTE


def _outpatient_times(rng: np.random.Generator, world: World) -> tuple[Ints, Ints]:
    """Visits to a laboratory in the year and a half before the first admission."""
    counts = rng.poisson(OUTPATIENT, len(world.patients.number))
    who, _ = spread(counts)
    days = 5 + np.floor(rng.random(len(who)) * 500)
    minute = 8 * 60 + np.floor(rng.random(len(who)) * 480)
    midnight = world.patients.first_start[who] // DAY * DAY
    return who, (midnight - days * DAY + minute * MINUTE).astype(np.int64)


def _panels(
    rng: np.random.Generator, world: World, visit: Ints, time: Ints, q: Floats, inside: Bools
) -> Bools:
    """(n, panels) asked for at each draw."""
    present = world.present[visit]
    first = time - world.visits.start[visit] < 2 * HOUR
    infarct = present[:, column("acute_myocardial_infarction")]
    liver = present[:, column("other_liver_disease")]
    failing = np.maximum(q[:, 0], q[:, 1])
    chance = {
        "chemistry": np.full(len(visit), 0.95),
        "count": np.where(inside, 0.8, 0.85),
        "coagulation": np.where(first, 0.6, np.where(inside, 0.5, 0.25)),
        "liver": np.where(first, 0.45, 0.14 + 0.3 * liver),
        "gas": np.where(inside, expit(-0.2 + 0.9 * failing), expit(-3.2 + 0.9 * failing)),
        "troponin": np.where(infarct, 0.5, np.where(first, 0.25, 0.05)),
    }
    return rng.random((len(visit), len(PANELS))) < np.stack([chance[p] for p in PANELS], axis=1)
