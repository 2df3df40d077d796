"""Who the patients are: burden, age, sex, the years they are seen in, and the visits planned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import DAY, Bools, Floats, Ints, choose
from fusehr.raw.synthetic.identifiers import subject_ids
from fusehr.raw.synthetic.latent.burden import FACTORS
from fusehr.raw.synthetic.latent.severity import chronic_mean
from fusehr.raw.synthetic.vocabulary.conditions import COMORBIDITIES
from fusehr.raw.synthetic.vocabulary.places import YEAR_GROUP_SHARES, YEAR_GROUPS

BLOCK = 250  # patients drawn together, always all of them; part of the definition of a cohort

ANOTHER_PLANNED = 0.42  # chance that one more visit is planned after each
MOST_PLANNED = 5
YEAR = 31_556_952  # seconds, mean Gregorian year
FIRST_YEAR, YEARS = 2110, 84  # first visits are dated in 2110-2193, so that all lie in 2110-2210


@dataclass(frozen=True)
class Patients:
    """One block. Arrays have 250 rows.

    burden: (n, 3) factors. mean: (n, 4) of q. age: years at the first visit. first_start: of the
    first visit. real_year: in which the first visit really took place; dates are shifted. planned:
    visits, whatever readmissions add. icu_visit: which of them is planned for the ICU. kilograms,
    centimetres: of the body. conditions: (n, 20) outside the 25.
    """

    number: Ints
    subject_id: Ints
    burden: Floats
    mean: Floats
    female: Bools
    age: Ints
    first_start: Ints
    real_year: Floats
    planned: Ints
    icu_visit: Ints
    kilograms: Floats
    centimetres: Floats
    conditions: Bools


@dataclass(frozen=True)
class IcuPlan:
    """How often visits lead to the ICU, and how often stays there reach 48 hours.

    in_icu: chance of the patient's ICU visit; otherwise: of each other visit. Neither depends on
    severity, and reach_48h is one number for all stays, so that having reached 48 hours tells
    nothing of it.
    """

    in_icu: float
    otherwise: float
    reach_48h: float


def icu_plan(long_stay_share: float) -> IcuPlan:
    """The plan under which `long_stay_share` of patients have a stay of 48 hours or more.

    A patient has about 0.7 visits beside the ICU visit, which add a long stay to some of those
    whose ICU visit gave none. At .58, 65 % of stays reach 48 hours; larger shares need more.
    """
    others = 0.68
    otherwise = min(0.22, 0.4 * long_stay_share)
    reach = 0.65
    for _ in range(20):  # reach and what the other visits add depend on each other: fixed point
        none_elsewhere = 1 - others * otherwise * reach
        wanted = max(0.0, 1 - (1 - long_stay_share) / none_elsewhere)
        reach = min(1.0, max(0.65, wanted / 0.97))
    return IcuPlan(in_icu=wanted / reach, otherwise=otherwise, reach_48h=reach)


def draw_patients(params: SyntheticParams, block: int) -> Patients:
    """The patients of a block."""
    rng = generator("synthetic", params.seed, block, "patients")
    n = BLOCK
    number = block * BLOCK + np.arange(n)
    burden = rng.standard_normal((n, FACTORS))
    # age goes with burden; median 65, quartiles 55 and 76, as adult ICU patients of MIMIC-IV
    standard = burden @ [0.45, 0.15, 0.25] + np.sqrt(0.7125) * rng.standard_normal(n)
    age = np.clip(np.round(64.5 + 15.5 * standard), 19, 91).astype(np.int64)
    female = rng.random(n) < 0.45
    extra = np.minimum(rng.geometric(1 - ANOTHER_PLANNED, n) - 1, MOST_PLANNED - 1)
    planned = 1 + extra
    centimetres = np.where(female, 162.0, 176.0) + 7 * rng.standard_normal(n)
    bmi = 27.5 * np.exp(0.2 * rng.standard_normal(n))
    day = np.floor(rng.random(n) * YEARS * YEAR / DAY)
    minute = np.floor(rng.random(n) * 1440)
    group = np.array(YEAR_GROUPS)[choose(rng, YEAR_GROUP_SHARES, n)]
    return Patients(
        number=number,
        subject_id=subject_ids(number),
        burden=burden,
        mean=chronic_mean(burden),
        female=female,
        age=age,
        first_start=((FIRST_YEAR - 1970) * YEAR // DAY * DAY + day * DAY + minute * 60).astype(
            np.int64
        ),
        real_year=group + 3 * rng.random(n),
        planned=planned,
        icu_visit=np.floor(rng.random(n) * planned).astype(np.int64),
        kilograms=np.clip(bmi * (centimetres / 100) ** 2, 38, 220),
        centimetres=centimetres,
        conditions=rng.random((n, len(COMORBIDITIES))) < np.array(list(COMORBIDITIES.values())),
    )
