"""Visits to the emergency department, with or without an admission, and the acuity given there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import (
    DAY,
    HOUR,
    MINUTE,
    MISSING,
    Bools,
    Floats,
    Ints,
    choose,
    spread,
)
from fusehr.raw.synthetic.latent.parts import IMAGED, draw_flags, flags_logit
from fusehr.raw.synthetic.latent.patients import Patients
from fusehr.raw.synthetic.latent.risks import Risks
from fusehr.raw.synthetic.latent.severity import paths, true_severity
from fusehr.raw.synthetic.latent.visits import Visits

ED_HOURS = 14  # longest stay in the department
BEFORE, AFTER = (
    np.array([0.62, 0.27, 0.11]),
    np.array([0.78, 0.17, 0.05]),
)  # visits without admission
MOST = len(BEFORE) - 1
# when a chest image is taken there, after arrival: it is the index of triage
FIRST_IMAGE, LAST_IMAGE = 35 * MINUTE, 210 * MINUTE


@dataclass(frozen=True)
class Emergencies:
    """E visits to the department, those that led to an admission first.

    visit: row in Visits, or MISSING. order: number among the patient's visits without an admission,
    MISSING otherwise. path: (E, ED_HOURS, 4) q by the hour from arrival. w: through which acuity
    saw severity. flags: by part of the logit, those of the admission where one followed. imaged:
    when a chest image was taken there, else MISSING. acuity: 1 (now) to 5.
    """

    patient: Ints
    visit: Ints
    order: Ints
    start: Ints
    end: Ints
    path: Floats
    w: Floats
    flags: dict[str, Bools]
    imaged: Ints
    acuity: Ints

    def __len__(self) -> int:
        return len(self.patient)


def draw_emergencies(
    params: SyntheticParams,
    block: int,
    patients: Patients,
    visits: Visits,
    dod: Ints,
    risks: Risks,
) -> Emergencies:
    """All visits to the department of a block's patients. `dod`: time of death by patient."""
    rng = generator("synthetic", params.seed, block, "emergency")
    alone, order, start = _without_admission(rng, patients, visits, dod)
    led = np.flatnonzero(visits.ed_end != MISSING)
    end = start + 60 * np.floor(
        60 * np.clip(3.8 * np.exp(0.5 * rng.standard_normal(len(start))), 1.2, 12)
    )
    path = np.concatenate([visits.path[led, :ED_HOURS], paths(rng, patients.mean[alone], ED_HOURS)])
    patient = np.concatenate([visits.patient[led], alone])
    w = rng.standard_normal((len(patient), 4))
    alone_flags = [
        draw_flags(params.seed, block, f"ed only {k}", len(patients.number))
        for k in range(2 * MOST)
    ]
    flags = {
        name: np.concatenate(
            [flag[led], np.stack([drawn[name] for drawn in alone_flags])[order, alone]]
        )
        for name, flag in visits.flags.items()
    }
    arrival = np.concatenate([visits.start[led], start])
    leaving = np.concatenate([visits.ed_end[led], end.astype(np.int64)])
    imaged = _imaged(params.seed, block, arrival, leaving)
    pull = flags_logit("triage", flags, params, shown={"image": imaged != MISSING})
    cumulative = risks.acuity(true_severity(path[:, 0], w), pull)
    acuity = 1 + (rng.random((len(patient), 1)) >= cumulative).sum(axis=1)
    return Emergencies(
        patient=patient,
        visit=np.concatenate([led, np.full(len(alone), MISSING)]),
        order=np.concatenate([np.full(len(led), MISSING), order]),
        start=arrival,
        end=leaving,
        path=path,
        w=w,
        flags=flags,
        imaged=imaged,
        acuity=acuity,
    )


def _imaged(seed: int, block: int, arrival: Ints, leaving: Ints) -> Ints:
    """When a chest image was taken, MISSING where none was: by chance, whatever the patient has."""
    rng = generator("synthetic", seed, block, "ed image")
    last = np.minimum(leaving - arrival, LAST_IMAGE) - FIRST_IMAGE
    after = (
        FIRST_IMAGE + np.floor(rng.random(len(arrival)) * last / MINUTE).astype(np.int64) * MINUTE
    )
    return np.where(rng.random(len(arrival)) < IMAGED, arrival + after, MISSING)


def _without_admission(
    rng: np.random.Generator, patients: Patients, visits: Visits, dod: Ints
) -> tuple[Ints, Ints, Ints]:
    """Patient, number and arrival of visits before the first admission and after the last."""
    n = len(patients.number)
    gap = DAY * (3 + rng.exponential(120, (n, 2 * MOST)))
    before = choose(rng, BEFORE, n)
    last = np.zeros(n, dtype=np.int64)
    np.maximum.at(last, visits.patient, visits.discharge)
    after = np.where(dod == MISSING, choose(rng, AFTER, n), 0)

    who_b, k_b = spread(before)
    start_b = patients.first_start[who_b] - np.cumsum(gap, axis=1)[who_b, k_b]
    who_a, k_a = spread(after)
    start_a = last[who_a] + 30 * DAY + np.cumsum(gap[:, MOST:], axis=1)[who_a, k_a]
    start = np.concatenate([start_b, start_a]).astype(np.int64)
    # any minute of the day
    minute = np.floor(rng.random(len(start)) * 24 * HOUR / 60).astype(np.int64) * 60
    return (
        np.concatenate([who_b, who_a]),
        np.concatenate([k_b, MOST + k_a]),
        start // DAY * DAY + minute,
    )
