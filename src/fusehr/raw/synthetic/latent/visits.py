"""The chain of a patient's hospital visits: when, through which door, to which end, and what next.

Visits are drawn one after the other for all patients of a block at once. A visit leads to the next
by readmission (decided by z at discharge and chronic burden) or because another one was planned.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import DAY, HOUR, MISSING, Bools, Floats, Ints, choose
from fusehr.raw.synthetic.identifiers import VISITS
from fusehr.raw.synthetic.latent.departures import deaths, destinations, discharges
from fusehr.raw.synthetic.latent.icu import draw_course
from fusehr.raw.synthetic.latent.parts import draw_flags, flags_logit
from fusehr.raw.synthetic.latent.patients import IcuPlan, Patients
from fusehr.raw.synthetic.latent.risks import BLOCK_HOURS, LAST_BLOCK, Risks
from fusehr.raw.synthetic.latent.severity import paths, true_severity
from fusehr.raw.synthetic.vocabulary import places as p

PATH_HOURS = 1080  # longest visit: 12 h in the ED, 72 h to the ICU, 30 days there, 10 days after
ELECTIVE_SOON = 0.06  # of live discharges without readmission, planned visits within 30 days
ANY, READMISSION, PLANNED_SOON = range(3)  # why a visit takes place


@dataclass(frozen=True)
class Visits:
    """V visits, sorted by patient and order. Times are in seconds, MISSING where there is none.

    start: arrival at the ED, or admission. again: admission time of the second of two contiguous
    admissions. icu_in, icu_out: of the ICU stay. path: (V, hours, 4) q by the hour from `start` on.
    exit_block, leave_rate, reached, dies: of its course (see icu.Course), zero without an ICU stay.
    flags: by part of the logit. w_mortality, w_readmission: through which the two outcomes saw
    severity. at_risk: of readmission, that is discharged alive, neither to hospice nor to another
    hospital. soon_planned: a planned visit within 30 days of the last.
    """

    patient: Ints
    order: Ints
    start: Ints
    admit: Ints
    ed_end: Ints
    icu_in: Ints
    icu_out: Ints
    again: Ints
    discharge: Ints
    death: Ints
    admission_type: Ints
    discharged_to: Ints
    path: Floats
    flags: dict[str, Bools]
    exit_block: Ints
    leave_rate: Floats
    reached: Bools
    dies: Bools
    w_mortality: Floats
    w_readmission: Floats
    at_risk: Bools
    readmitted: Bools
    soon_planned: Bools

    def __len__(self) -> int:
        return len(self.patient)

    def hour(self, visit: Ints, time: Ints) -> Ints:
        """Row of `path` that holds q at `time`."""
        return np.clip((time - self.start[visit]) // HOUR, 0, PATH_HOURS - 1)

    def severity(self, visit: Ints, time: Ints) -> Floats:
        """q (n, 4) of visits at times."""
        return self.path[visit, self.hour(visit, time)]


def draw_visits(
    params: SyntheticParams, block: int, patients: Patients, risks: Risks, plan: IcuPlan
) -> Visits:
    """All visits of a block's patients."""
    drawn: list[Visits] = []
    everyone = np.arange(len(patients.number))
    due = _Due(everyone, patients.first_start, np.full(len(everyone), ANY))
    for order in range(VISITS):
        if not len(due.patient):
            break
        rng = generator("synthetic", params.seed, block, "visit", order)
        flags = draw_flags(params.seed, block, f"visit {order}", len(everyone))
        visits = _draw_order(rng, patients, risks, plan, order, due, flags)
        drawn.append(visits)
        due = _next(rng, visits, more=order + 1 < patients.planned[due.patient])
    return _join(drawn)


@dataclass(frozen=True)
class _Due:
    """Patients whose next visit is due, when it starts, and why they come."""

    patient: Ints
    start: Ints
    reason: Ints


def _draw_order(
    rng: np.random.Generator,
    patients: Patients,
    risks: Risks,
    plan: IcuPlan,
    order: int,
    due: _Due,
    flags_of_all: dict[str, Bools],
) -> Visits:
    """Visit number `order` of the patients who are due."""
    who, start, reason, params = due.patient, due.start, due.reason, risks.params
    n = len(who)
    flags = {name: flag[who] for name, flag in flags_of_all.items()}
    path = paths(rng, patients.mean[who], PATH_HOURS)
    in_icu = rng.random(n) < np.where(order == patients.icu_visit[who], plan.in_icu, plan.otherwise)
    kind = np.where(in_icu, choose(rng, p.ICU_TYPE_SHARES, n), choose(rng, p.TYPE_SHARES, n))
    kind = np.where(reason == READMISSION, choose(rng, p.UNPLANNED_SHARES, n), kind)
    kind = np.where(reason == PLANNED_SOON, np.array(p.PLANNED)[choose(rng, np.ones(2), n)], kind)

    through_ed = rng.random(n) < p.THROUGH_ED[kind]
    boarding = (HOUR * np.clip(4.2 * np.exp(0.45 * rng.standard_normal(n)), 1.2, 10)).astype(int)
    admit = start + np.where(through_ed, boarding // 60 * 60, 0)
    lingering = HOUR * (0.4 + 2 * rng.random(n))
    ed_end = np.where(through_ed, (admit + lingering).astype(np.int64), MISSING)

    direct = rng.random(n) < 0.68
    wait = np.where(direct, 0.1 + 1.5 * rng.random(n), 6 + 62 * rng.beta(1, 2, n))
    icu_in = np.maximum(admit, ed_end) + (HOUR * wait).astype(np.int64)
    block_hours = (icu_in - start)[:, None] // HOUR + BLOCK_HOURS * np.arange(LAST_BLOCK + 1)
    at_blocks = path[np.arange(n)[:, None], np.minimum(block_hours, PATH_HOURS - 1)]
    course = draw_course(rng, risks, at_blocks, flags_logit("mortality", flags, params))
    icu_out = np.where(in_icu, icu_in + course.exit_after, MISSING)

    death = deaths(rng, risks, path[:, 0], in_icu, admit, icu_out, course)
    discharge, again = discharges(rng, in_icu, kind, admit, icu_out, death)
    visit_path_row = np.minimum((discharge - start) // HOUR, PATH_HOURS - 1)
    q_end = path[np.arange(n), visit_path_row]
    to = destinations(rng, q_end, death, order, patients.icu_visit[who])
    at_risk = (death == MISSING) & (to != p.HOSPICE) & (to != p.ACUTE_HOSPITAL)
    w = rng.standard_normal((n, 4))
    chance = risks.of(
        "readmission",
        true_severity(q_end, w),
        patients.burden[who],
        flags_logit("readmission", flags, params),
    )
    return Visits(
        patient=who,
        order=np.full(n, order),
        start=start,
        admit=admit,
        ed_end=ed_end,
        icu_in=np.where(in_icu, icu_in, MISSING),
        icu_out=icu_out,
        again=again,
        discharge=discharge,
        death=death,
        admission_type=kind,
        discharged_to=to,
        path=path,
        flags=flags,
        exit_block=np.where(in_icu, course.exit_block, 0),
        leave_rate=np.where(in_icu, course.leave_rate, 0.0),
        reached=in_icu & course.reached,
        dies=in_icu & course.dies,
        w_mortality=course.w,
        w_readmission=w,
        at_risk=at_risk,
        readmitted=at_risk & (rng.random(n) < chance),
        soon_planned=reason == PLANNED_SOON,
    )


def _next(rng: np.random.Generator, visits: Visits, more: Bools) -> _Due:
    """Who has a next visit. `more`: whether one more was planned, whatever happens."""
    n = len(visits)
    goes_on = more & visits.at_risk & ~visits.readmitted
    soon = goes_on & (rng.random(n) < ELECTIVE_SOON)
    # after a planned visit soon after another, a readmission must not fall within 30 days of that
    first = np.where(visits.soon_planned, 16.0, 1.2)
    days = np.select(
        [visits.readmitted, soon],
        [first + (28.5 - first) * rng.beta(1, 1.8, n), 14 + 14.5 * rng.random(n)],
        32 + np.minimum(rng.exponential(240, n), 1000),
    )
    start = visits.discharge + (DAY * days).astype(np.int64) // 60 * 60
    chosen = visits.readmitted | goes_on
    reason = np.where(visits.readmitted, READMISSION, np.where(soon, PLANNED_SOON, ANY))
    return _Due(visits.patient[chosen], start[chosen], reason[chosen])


def _join(drawn: list[Visits]) -> Visits:
    """All orders in one, sorted by patient and order."""
    columns = {
        field.name: np.concatenate([getattr(visits, field.name) for visits in drawn])
        for field in fields(Visits)
        if field.name != "flags"
    }
    rows = np.lexsort((columns["order"], columns["patient"]))
    flags = {
        name: np.concatenate([visits.flags[name] for visits in drawn])[rows]
        for name in drawn[0].flags
    }
    return Visits(flags=flags, **{name: column[rows] for name, column in columns.items()})
