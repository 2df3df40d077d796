"""How a visit ends: death, discharge, and where to."""

from __future__ import annotations

import numpy as np

from fusehr.raw.synthetic.arrays import DAY, HOUR, MISSING, Bools, Floats, Ints, choose
from fusehr.raw.synthetic.identifiers import VISITS
from fusehr.raw.synthetic.latent.icu import Course
from fusehr.raw.synthetic.latent.risks import Risks
from fusehr.raw.synthetic.latent.scores import STRAIN, recorded_score
from fusehr.raw.synthetic.vocabulary import places as p

CONTIGUOUS = 0.02  # of long ward visits: discharged and admitted again within hours


def deaths(
    rng: np.random.Generator,
    risks: Risks,
    q: Floats,
    in_icu: Bools,
    admit: Ints,
    icu_out: Ints,
    course: Course,
) -> Ints:
    """Times (n,) of deaths in hospital, or MISSING. q: (n, 4) on arrival, for deaths on a ward."""
    n = len(admit)
    # at least 36 hours after the unit: no death on a ward falls into a deterioration window
    later = icu_out + (DAY * (1.5 + 4.5 * rng.random(n))).astype(np.int64) // 60 * 60
    on_ward = admit + (DAY * (0.5 + 8 * rng.beta(1.2, 3, n))).astype(np.int64) // 60 * 60
    dies_on_ward = ~in_icu & (rng.random(n) < risks.ward_death(q))
    return np.select(
        [in_icu & course.dies_in_unit, in_icu & course.dies, dies_on_ward],
        [icu_out, later, on_ward],
        MISSING,
    )


def discharges(
    rng: np.random.Generator, in_icu: Bools, kind: Ints, admit: Ints, icu_out: Ints, death: Ints
) -> tuple[Ints, Ints]:
    """Times of discharge, and of the second admission where two follow each other within hours."""
    n = len(admit)
    observed = kind > p.PLANNED[-1]
    days = np.where(
        in_icu,
        np.clip(3.2 * np.exp(0.65 * rng.standard_normal(n)), 0.3, 9),
        np.clip(np.where(observed, 1.2, 3.6) * np.exp(0.7 * rng.standard_normal(n)), 0.6, 19),
    )
    ends = np.where(in_icu, icu_out, admit) + (DAY * days).astype(np.int64)
    hour = np.clip(14.8 + 2.3 * rng.standard_normal(n), 8, 21)
    afternoon = ends // DAY * DAY + (hour * HOUR).astype(np.int64) // 60 * 60
    earliest = np.where(in_icu, icu_out + 2 * HOUR, admit + 6 * HOUR)
    afternoon = np.where(afternoon < earliest, afternoon + DAY, afternoon)
    discharge = np.where(death != MISSING, death, afternoon)

    stays = discharge - admit
    split = ~in_icu & (death == MISSING) & (stays > 3 * DAY) & (rng.random(n) < CONTIGUOUS)
    part = (stays * (0.3 + 0.4 * rng.random(n))).astype(np.int64) // 60 * 60
    return discharge, np.where(split, admit + part, MISSING)


def destinations(
    rng: np.random.Generator, q_end: Floats, death: Ints, order: int, icu_visit: Ints
) -> Ints:
    """Where patients go. The last visit that ids have room for is not at risk of readmission."""
    n = len(death)
    home = choose(rng, p.HOME_SHARES, n)
    strain = np.exp(0.6 * recorded_score(q_end, STRAIN) - 0.18)
    mark = rng.random(n)
    # patients whose ICU visit is still to come go on
    done = order >= icu_visit
    to = np.where(done & (mark < 0.024 * strain), p.HOSPICE, home)
    to = np.where(done & (mark > 1 - 0.008), p.ACUTE_HOSPITAL, to)
    if order == VISITS - 1:
        to = np.full(n, p.ACUTE_HOSPITAL)
    return np.where(death != MISSING, p.DIED, to)
