"""cxr/metadata and the films themselves: in the emergency department, and by day in the ICU.

When films are taken goes by chance alone, and all of a visit's films show the visit's own flag,
each in another pose and exposure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import HOUR, MINUTE, MISSING, Bools, Ints, choose
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.radiograph import ids
from fusehr.raw.synthetic.radiograph.anatomy import draw_anatomy
from fusehr.raw.synthetic.radiograph.devices import draw_devices
from fusehr.raw.synthetic.radiograph.drawing import Drawn, develop
from fusehr.raw.synthetic.radiograph.films import METADATA, Films, metadata
from fusehr.raw.synthetic.radiograph.opacity import draw_places
from fusehr.raw.synthetic.radiograph.technique import draw_technique

PORTABLE_IN_ED = 0.4  # of films there
FIRST, LAST = 30 * MINUTE, 10 * HOUR  # of an ICU stay's first film, after admission to the unit
# The index of triage is the first film within 4 h of arrival: films of the ICU come after that.
NOT_BEFORE = 4 * HOUR + MINUTE  # from the visit's start
MORE_SHARES = np.array([0.3, 0.3, 0.22, 0.18])  # of stays: 0, 1, 2, 3 films more, if they last
DAILY = 16 * HOUR, 32 * HOUR  # from one film of a stay to the next


@dataclass(frozen=True)
class Taken:
    """n films, sorted by patient and time.

    episode: row in Visits; of an emergency visit without admission, len(visits) + its row in
    Emergencies. opacity: the episode's flag.
    """

    patient: Ints
    episode: Ints
    study: Ints
    time: Ints
    portable: Bools
    in_icu: Bools
    opacity: Bools


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The one table of one block; its rows are in the order of `films`."""
    films = taken(world)
    yield (
        METADATA,
        metadata(
            world.patients.subject_id[films.patient],
            films.study,
            films.time,
            films.portable,
            world.model.params.images.size,
        ),
    )


def films(world: World) -> Films:
    """The films of one block."""
    rows = taken(world)
    return Films(
        ids.dicom_ids(rows.study), world.patients.subject_id[rows.patient], drawn(world).pixels
    )


def drawn(world: World) -> Drawn:
    """The films of one block with what they show."""
    rows = taken(world)
    patients = world.patients
    bmi = patients.kilograms / (patients.centimetres / 100) ** 2
    people = draw_anatomy(world.stream("anatomy"), patients.female, bmi).take(rows.patient)
    rng = world.stream("films")
    episodes = len(world.visits) + len(world.emergencies)
    places = draw_places(rng, episodes).take(rows.episode).shifted(rng)
    # devices stay in place from one film of a stay to the next
    stay = rows.episode * 2 + rows.in_icu
    first = np.unique(stay, return_index=True, return_inverse=True)
    at_first = draw_devices(rng, rows.portable[first[1]], people.pacemaker[first[1]])
    return develop(
        rng,
        rows.opacity,
        places,
        people,
        draw_technique(rng, rows.portable),
        at_first.take(first[2]),
        world.model.params.images.size,
    )


def taken(world: World) -> Taken:
    """Which films of a block there are."""
    rng = world.stream("images")
    parts = [_in_emergency(rng, world), _in_icu(rng, world)]
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])}
    order = np.lexsort((columns["study"], columns["time"], columns["patient"]))
    return Taken(**{name: column[order] for name, column in columns.items()})


def _in_emergency(rng: np.random.Generator, world: World) -> Taken:
    """One film of each visit to the department that has one, at its time."""
    seen, visits = world.emergencies, world.visits
    portable = rng.random(len(seen)) < PORTABLE_IN_ED
    number, led = world.patients.number[seen.patient], seen.visit != MISSING
    study = np.where(
        led,
        ids.ed_studies(number, visits.order[seen.visit], admitted=True),
        ids.ed_studies(number, seen.order, admitted=False),
    )
    rows = np.flatnonzero(seen.imaged != MISSING)
    return Taken(
        patient=seen.patient[rows],
        episode=np.where(led, seen.visit, len(visits) + np.arange(len(seen)))[rows],
        study=study[rows],
        time=seen.imaged[rows],
        portable=portable[rows],
        in_icu=np.zeros(len(rows), dtype=bool),
        opacity=seen.flags["image"][rows],
    )


def _in_icu(rng: np.random.Generator, world: World) -> Taken:
    """Portable films of each ICU stay: one soon after admission, up to three at later days."""
    stays, visits = world.stays, world.visits
    n = len(stays)
    earliest = np.maximum(stays.intime + FIRST, visits.start[stays.visit] + NOT_BEFORE)
    latest = np.minimum(stays.intime + LAST, stays.outtime - MINUTE)
    room = np.maximum(latest - earliest, 0)
    first = earliest + np.floor(rng.random(n) * room).astype(np.int64)
    gaps = rng.integers(*DAILY, (n, ids.STAY_FILMS))
    gaps[:, 0] = 0
    time = first[:, None] + np.cumsum(gaps, axis=1)
    planned = 1 + choose(rng, MORE_SHARES, n)
    shown = (np.arange(ids.STAY_FILMS) < planned[:, None]) & (time < stays.outtime[:, None])
    shown &= (earliest < latest)[:, None]
    stay, nth = (part.astype(np.int64) for part in np.nonzero(shown))
    visit = stays.visit[stay]
    patient = visits.patient[visit]
    return Taken(
        patient=patient,
        episode=visit,
        study=ids.stay_studies(world.patients.number[patient], visits.order[visit], nth),
        time=time[stay, nth],
        portable=np.ones(len(stay), dtype=bool),
        in_icu=np.ones(len(stay), dtype=bool),
        opacity=visits.flags["image"][visit],
    )
