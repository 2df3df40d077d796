"""Everything about one block of patients that no file states, drawn before any row is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import DAY, HOUR, MISSING, Bools, Floats, Ints
from fusehr.raw.synthetic.latent.burden import (
    ACUTE_HOUR,
    BILLED,
    phenotype_chances,
    phenotype_intercepts,
)
from fusehr.raw.synthetic.latent.emergency import Emergencies, draw_emergencies
from fusehr.raw.synthetic.latent.patients import IcuPlan, Patients, draw_patients, icu_plan
from fusehr.raw.synthetic.latent.regimen import draw_diseases
from fusehr.raw.synthetic.latent.risks import Risks, calibrate
from fusehr.raw.synthetic.latent.supports import Runs, Stays, draw_supports
from fusehr.raw.synthetic.latent.visits import Visits, draw_visits
from fusehr.raw.synthetic.vocabulary.conditions import NAMES
from fusehr.raw.synthetic.vocabulary.places import HOSPICE


@dataclass(frozen=True)
class Model:
    """What holds for every block: parameters, calibrated risks, the plan of ICU visits."""

    params: SyntheticParams
    risks: Risks
    plan: IcuPlan
    phenotype_intercepts: Floats


@dataclass(frozen=True)
class World:
    """One block. `present`, `billed`, `had`: (V, 25) true, coded, and true at or before each visit.

    dod: time of death by patient, in hospital or within a year of the last discharge; else MISSING.
    diseases: (patients, 5) lasting ones outside the 25, rows of core/knowledge/diseases.csv.
    """

    model: Model
    block: int
    patients: Patients
    visits: Visits
    stays: Stays
    runs: Runs
    emergencies: Emergencies
    present: Bools
    billed: Bools
    had: Bools
    dod: Ints
    diseases: Ints

    def stream(self, name: str) -> np.random.Generator:
        """A generator of its own for one kind of row, so that no table's draws move another's."""
        return generator("synthetic", self.model.params.seed, self.block, "rows", name)


def build_model(params: SyntheticParams) -> Model:
    """Calibrate; deterministic, about a second."""
    plan = icu_plan(params.long_stay_share)
    risks = calibrate(params, plan.reach_48h)
    return Model(params, risks, plan, phenotype_intercepts())


def draw_world(model: Model, block: int) -> World:
    """All 250 patients of a block."""
    params, risks = model.params, model.risks
    patients = draw_patients(params, block)
    visits = draw_visits(params, block, patients, risks, model.plan)
    stays, runs = draw_supports(params, block, patients, visits, risks)
    rng = generator("synthetic", params.seed, block, "world")
    present, had = _phenotypes(rng, model, patients, visits)
    dod = _deaths(rng, patients, visits)
    return World(
        model=model,
        block=block,
        patients=patients,
        visits=visits,
        stays=stays,
        runs=runs,
        emergencies=draw_emergencies(params, block, patients, visits, dod, risks),
        present=present,
        billed=present & (rng.random(present.shape) < BILLED),
        had=had,
        dod=dod,
        diseases=draw_diseases(params.seed, block, len(patients.number)),
    )


def _phenotypes(
    rng: np.random.Generator, model: Model, patients: Patients, visits: Visits
) -> tuple[Bools, Bools]:
    """(V, 25): true at the visit; true at it or before."""
    present = np.zeros((len(visits), len(NAMES)), dtype=bool)
    had = np.zeros_like(present)
    q = visits.path[:, ACUTE_HOUR]
    chance = rng.random(present.shape)
    so_far = np.zeros((len(patients.number), len(NAMES)), dtype=bool)
    for order in range(int(visits.order.max()) + 1):
        rows = np.flatnonzero(visits.order == order)
        who = visits.patient[rows]
        p = phenotype_chances(
            model.phenotype_intercepts, patients.burden[who], so_far[who], q[rows]
        )
        present[rows] = chance[rows] < p
        so_far[who] |= present[rows]
        had[rows] = so_far[who]
    return present, had


def _deaths(rng: np.random.Generator, patients: Patients, visits: Visits) -> Ints:
    """Time of death by patient: soon after hospice, else for a few within a year."""
    n = len(patients.number)
    last = np.full(n, MISSING)
    last[visits.patient] = np.arange(len(visits))  # rows are sorted by order: the last one stays
    hospice = visits.discharged_to[last] == HOSPICE
    dies = hospice | (rng.random(n) < 0.10 * np.exp(0.4 * patients.burden.mean(axis=1)))
    days = np.where(hospice, 1 + rng.exponential(12, n), 1 + rng.exponential(110, n))
    after = visits.discharge[last] + (DAY * days + HOUR).astype(np.int64)
    dies &= hospice | (days < 365)
    in_hospital = visits.death[last]
    return np.where(in_hospital != MISSING, in_hospital, np.where(dies, after, MISSING))
