"""What all notes of one visit agree on: assertions, diseases, other chronic conditions.

An episode is a hospital visit (rows 0 to V - 1, as in Visits), with the visit to the emergency
department that led to it, or a visit to that department alone (row V + its row in Emergencies).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from fusehr.core.knowledge.facts import diseases
from fusehr.raw.synthetic.arrays import MISSING, Bools, Ints, choose
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.notes.schedule import Schedule
from fusehr.raw.synthetic.notes.sentences import ASSERTIONS, background, concepts
from fusehr.raw.synthetic.vocabulary.conditions import COMORBIDITIES, NAMES

NOISE = 0.08  # of concepts in an episode: the assertion is any, whatever the flag
# present is drawn by the flag, the others with these shares
OTHERWISE = np.array([0.0, 0.52, 0.16, 0.16, 0.16])
OF_OTHERS = np.array([0.0, 0.5, 0.25, 0.25, 0.0])  # assertions on diseases that are not one's own
OTHER_DISEASES = 2


@dataclass(frozen=True)
class Episodes:
    """n = V + E episodes. All numbers but `own` are positions.

    patient: row in Patients. assertion: (n, concepts) in ASSERTIONS. own: (n, 5) rows of
    diseases.csv that the patient has. others: (n, 2) rows that are mentioned and not had, with
    other_assertion. background: (n, conditions) which of the chronic conditions are present.
    """

    patient: Ints
    assertion: Ints
    own: Ints
    others: Ints
    other_assertion: Ints
    background: Bools


def episode_of(world: World, notes: Schedule) -> Ints:
    """(N,) row in Episodes of each note."""
    alone = len(world.visits) + notes.emergency
    return np.where(notes.visit == MISSING, alone, notes.visit)


def draw_episodes(world: World) -> Episodes:
    """The episodes of a block."""
    rng = world.stream("notes episodes")
    visits, seen = world.visits, world.emergencies
    patient = np.concatenate([visits.patient, seen.patient])
    flag = np.concatenate([visits.flags["notes"], seen.flags["notes"]])
    n = len(patient)
    own = world.diseases[patient]
    return Episodes(
        patient=patient,
        assertion=assertions(rng, flag),
        own=own,
        others=_others(rng, own),
        other_assertion=choose(rng, OF_OTHERS, n * OTHER_DISEASES).reshape(n, -1),
        background=_background(world, patient),
    )


def assertions(rng: np.random.Generator, flag: Bools) -> Ints:
    """(n, concepts) assertions: by the flag, with noise; see the package."""
    shape = (len(flag), len(concepts()))
    told = np.array([concept.kind == "frailty" for concept in concepts()])
    otherwise = choose(rng, OTHERWISE, len(flag) * shape[1]).reshape(shape)
    clean = np.where(flag[:, None] == told, ASSERTIONS.index("present"), otherwise)
    noisy = rng.random(shape) < NOISE
    return np.where(noisy, rng.integers(0, len(ASSERTIONS), shape), clean)


def _others(rng: np.random.Generator, own: Ints) -> Ints:
    """(n, 2) diseases whose names can be confounded with none of one's own."""
    mark = rng.random((len(own), len(diseases())))
    mark[confusable()[own].any(axis=1)] = 2.0
    return np.argsort(mark, axis=1)[:, :OTHER_DISEASES].astype(np.int64)


def _background(world: World, patient: Ints) -> Bools:
    """Phenotypes are those of the visit, comorbidities the patient's."""
    visits = len(world.visits)
    columns = []
    for name in background_conditions():
        if name in NAMES:
            alone = np.zeros(len(patient) - visits, dtype=bool)
            columns.append(np.concatenate([world.present[:, NAMES.index(name)], alone]))
        else:
            of_patient = world.patients.conditions[:, list(COMORBIDITIES).index(name)]
            columns.append(of_patient[patient])
    return np.stack(columns, axis=1)


@cache
def surfaces() -> tuple[tuple[str, ...], ...]:
    """Names of each disease, its own first, then synonyms and abbreviations."""
    return tuple((disease.name, *disease.synonyms) for disease in diseases())


def normal(text: str) -> str:
    """In lower case, words alone, with a space before and after each."""
    return f" {' '.join(re.findall(r'[a-z0-9]+', text.lower()))} "


@cache
def confusable() -> Bools:
    """(diseases, diseases) whether a name of one stands within a name of the other."""
    names = [[normal(name) for name in of_disease] for of_disease in surfaces()]
    n = len(names)
    within = np.zeros((n, n), dtype=bool)
    for i in range(n):
        for j in range(n):
            within[i, j] = any(b in a for a in names[i] for b in names[j])
    return within | within.T


@cache
def background_conditions() -> tuple[str, ...]:
    """Chronic conditions that cannot be taken for one of the diseases."""
    every = [normal(name) for names in surfaces() for name in names]
    said = {name: [normal(phrase) for phrase in said] for name, said in background().items()}
    return tuple(
        condition
        for condition, phrases in said.items()
        if not any(name in phrase or phrase in name for phrase in phrases for name in every)
    )
