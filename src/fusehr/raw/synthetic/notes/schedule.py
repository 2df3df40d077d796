"""Which notes are written and when; the rhythm goes by the clock, never by how a patient fares."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from fusehr.raw.synthetic.arrays import DAY, HOUR, MINUTE, MISSING, Ints
from fusehr.raw.synthetic.latent.emergency import FIRST_IMAGE
from fusehr.raw.synthetic.latent.world import World

MOST_PROGRESS = 7  # progress notes of a stay
# Nursing notes on triage can be read before the earliest index time of the task triage, which is
# the first chest image.
LAST_TRIAGE_NOTE = FIRST_IMAGE - MINUTE


class NoteKind(IntEnum):
    """Kinds of note."""

    TRIAGE = 0  # by the ED's nurse
    ADMISSION = 1  # by the nurse, on admission to the hospital
    UNIT = 2  # by the nurse, on admission to the ICU
    PROGRESS = 3
    DISCHARGE = 4
    RADIOLOGY = 5


# note_type: DS and RR are MIMIC-IV-Note's, the others this source's own
NOTE_TYPES = {
    NoteKind.TRIAGE: "TN",
    NoteKind.ADMISSION: "NU",
    NoteKind.UNIT: "NU",
    NoteKind.PROGRESS: "PN",
    NoteKind.DISCHARGE: "DS",
    NoteKind.RADIOLOGY: "RR",
}


@dataclass(frozen=True)
class Schedule:
    """N notes of a block, kind by kind; those of one stay in the order of time.

    kind: of NoteKind. visit, emergency: rows in Visits and Emergencies of what the note belongs to,
    both where an admission came through the ED. stay: row in Stays, of what is written in the unit.
    MISSING where there is none. charttime, storetime: whole minutes; of a film's report the former
    is when the film was taken.
    """

    kind: Ints
    visit: Ints
    emergency: Ints
    stay: Ints
    charttime: Ints
    storetime: Ints

    def __len__(self) -> int:
        return len(self.kind)


def schedule(world: World) -> Schedule:
    """The notes of a block."""
    rng = world.stream("notes times")
    parts = [
        _triage(rng, world),
        _admission(rng, world),
        _unit(rng, world),
        _discharge(rng, world),
        _ed_radiology(rng, world),
        _unit_radiology(rng, world),
    ]
    parts.insert(3, _progress(rng, world, parts[2]))
    return Schedule(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    )


def _minutes(seconds: np.ndarray) -> Ints:
    """Down to the full minute."""
    return np.floor(seconds / MINUTE).astype(np.int64) * MINUTE


def _between(rng: np.random.Generator, low: float, high: float, n: int) -> Ints:
    """(n,) seconds, whole minutes, uniform between two bounds in hours."""
    return _minutes(HOUR * (low + (high - low) * rng.random(n)))


def _part(kind: NoteKind, charttime: Ints, storetime: Ints, **rows: Ints) -> Schedule:
    nothing = np.full(len(charttime), MISSING)
    return Schedule(
        kind=np.full(len(charttime), int(kind)),
        charttime=charttime,
        storetime=storetime,
        **{name: rows.get(name, nothing) for name in ("visit", "emergency", "stay")},
    )


def _triage(rng: np.random.Generator, world: World) -> Schedule:
    seen = world.emergencies
    n = len(seen)
    charttime = seen.start + _between(rng, 5 / 60, 25 / 60, n)
    lag = MINUTE * (1 + np.floor(rng.exponential(4, n))).astype(np.int64)
    storetime = np.minimum(charttime + lag, seen.start + LAST_TRIAGE_NOTE)
    rows = np.arange(n)
    return _part(NoteKind.TRIAGE, charttime, storetime, emergency=rows, visit=seen.visit)


def _admission(rng: np.random.Generator, world: World) -> Schedule:
    visits = world.visits
    n = len(visits)
    charttime = visits.admit + _between(rng, 0.5, 4, n)
    charttime = np.minimum(charttime, _minutes(visits.discharge - HOUR))
    lag = MINUTE * (4 + np.minimum(np.floor(rng.exponential(35, n)), 176)).astype(np.int64)
    storetime = np.minimum(charttime + lag, _minutes(visits.discharge))
    emergency = np.full(n, MISSING)
    led = np.flatnonzero(world.emergencies.visit != MISSING)
    emergency[world.emergencies.visit[led]] = led
    return _part(NoteKind.ADMISSION, charttime, storetime, visit=np.arange(n), emergency=emergency)


def _unit(rng: np.random.Generator, world: World) -> Schedule:
    stays = world.stays
    n = len(stays)
    charttime = _minutes(stays.intime) + _between(rng, 1, 4, n)
    charttime = np.minimum(charttime, _minutes(stays.outtime - HOUR / 2))
    lag = MINUTE * (5 + np.minimum(np.floor(rng.exponential(40, n)), 175)).astype(np.int64)
    storetime = np.minimum(charttime + lag, _minutes(stays.outtime))
    return _part(NoteKind.UNIT, charttime, storetime, visit=stays.visit, stay=np.arange(n))


def _progress(rng: np.random.Generator, world: World, unit: Schedule) -> Schedule:
    """Mornings 1, 2 and 3 of a stay, then every second or third; none after its end."""
    stays = world.stays
    n = len(stays)
    gaps = np.ones((n, MOST_PROGRESS), dtype=np.int64)
    gaps[:, 3:] = rng.integers(2, 4, (n, MOST_PROGRESS - 3))
    morning = (stays.intime // DAY)[:, None] + np.cumsum(gaps, axis=1)
    time = DAY * morning + _between(rng, 6, 10, n * MOST_PROGRESS).reshape(n, -1)
    lag = MINUTE * (8 + np.minimum(np.floor(rng.exponential(50, time.shape)), 232))
    kept = (time < stays.outtime[:, None] - HOUR / 2) & (time > unit.charttime[:, None])
    stay, nth = np.nonzero(kept)
    charttime = time[stay, nth]
    storetime = charttime + lag[stay, nth].astype(np.int64)
    storetime = np.minimum(storetime, _minutes(stays.outtime[stay]))
    return _part(NoteKind.PROGRESS, charttime, storetime, visit=stays.visit[stay], stay=stay)


def _discharge(rng: np.random.Generator, world: World) -> Schedule:
    """Dated as in MIMIC-IV-Note: midnight of the day of discharge."""
    visits = world.visits
    n = len(visits)
    lag = np.clip(HOUR * 22 * np.exp(0.8 * rng.standard_normal(n)), 4 * HOUR, 4 * DAY)
    storetime = _minutes(visits.discharge + lag)
    charttime = visits.discharge // DAY * DAY
    return _part(NoteKind.DISCHARGE, charttime, storetime, visit=np.arange(n))


def _reported(rng: np.random.Generator, film: Ints) -> Ints:
    """When the report of a film is stored: half an hour to six hours later."""
    return film + _minutes(HOUR * (0.5 + 5.5 * rng.beta(1.2, 3, len(film))))


def _ed_radiology(rng: np.random.Generator, world: World) -> Schedule:
    seen = world.emergencies
    rows = np.flatnonzero(seen.imaged != MISSING)
    film = seen.imaged[rows]
    stored = _reported(rng, film)
    return _part(NoteKind.RADIOLOGY, film, stored, emergency=rows, visit=seen.visit[rows])


def _unit_radiology(rng: np.random.Generator, world: World) -> Schedule:
    stays = world.stays
    film = _minutes(stays.intime) + _between(rng, 2, 12, len(stays))
    film = np.minimum(film, _minutes(stays.outtime - HOUR / 2))
    stored = _reported(rng, film)
    rows = np.arange(len(stays))
    return _part(NoteKind.RADIOLOGY, film, stored, visit=stays.visit, stay=rows)
