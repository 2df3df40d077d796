"""patients and admissions."""

from __future__ import annotations

import string
from collections.abc import Iterator
from functools import cache

import numpy as np
import pyarrow as pa

from fusehr.core.seeding import generator
from fusehr.raw.synthetic import identifiers as ids
from fusehr.raw.synthetic.arrays import DAY, HOUR, MISSING, Ints, choose
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.patients import BLOCK
from fusehr.raw.synthetic.latent.truth import visit_ids
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.keys import first_end, moves, subject_id
from fusehr.raw.synthetic.vocabulary import places as p

FLOORED_DEATHS = 0.25  # dischtime is midnight of the day, before deathtime: 4 of 15 in the demo
STAFF = 80


def calendar_year(time: Ints) -> Ints:
    """Year of times in seconds."""
    return time.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The two tables of one block."""
    yield "hosp/patients", _patients(world)
    yield "hosp/admissions", _admissions(world)


def _patients(world: World) -> pa.Table:
    patients = world.patients
    first = (patients.real_year.astype(np.int64) - p.YEAR_GROUPS[0]) // 3 * 3 + p.YEAR_GROUPS[0]
    return build(
        "hosp/patients",
        {
            "subject_id": patients.subject_id,
            "gender": words(("M", "F"), patients.female.astype(np.int64)),
            "anchor_age": patients.age,
            "anchor_year": calendar_year(patients.first_start),
            "anchor_year_group": [f"{year} - {year + 2}" for year in first],
            "dod": world.dod,
        },
    )


def race(world: World) -> Ints:
    """Race by patient, as a position in RACES."""
    return choose(world.stream("race"), p.RACE_SHARES, len(world.patients.number))


def _admissions(world: World) -> pa.Table:
    """One row a visit, two for contiguous admissions."""
    visits = world.visits
    again = np.flatnonzero(visits.again != MISSING)
    whole = _whole_visits(world)
    first = whole | {
        "dischtime": np.where(visits.again != MISSING, first_end(world), whole["dischtime"]),
        "discharge_location": np.where(
            visits.again != MISSING, p.REHAB, whole["discharge_location"]
        ),
    }
    number = world.patients.number[visits.patient]
    second = {name: column[again] for name, column in whole.items()} | {
        "hadm_id": ids.hadm_ids(number, visits.order, again=True)[again],
        "admittime": visits.again[again],
        "admission_type": np.full(len(again), p.DIRECT_EMERGENCY),
        "admission_location": np.full(len(again), p.DIRECT_EMERGENCY),
        "edregtime": np.full(len(again), MISSING),
        "edouttime": np.full(len(again), MISSING),
    }
    tables = [build("hosp/admissions", _in_words(columns)) for columns in (first, second)]
    return pa.concat_tables(tables).sort_by(
        [("subject_id", "ascending"), ("admittime", "ascending")]
    )


def _whole_visits(world: World) -> dict[str, Ints]:
    """Columns (V,) of admissions, words as positions in their vocabularies."""
    visits, patients = world.visits, world.patients
    rng = world.stream("admissions")
    n, patient = len(visits), visits.patient
    old = patients.age >= 65
    insurance = np.where(
        old,
        choose(rng, np.array([0.75, 0.25]), BLOCK),
        choose(rng, np.array([0.1, 0.72, 0.18]), BLOCK),
    )
    marital = choose(rng, p.MARITAL_SHARES, BLOCK)
    english = (rng.random(BLOCK) < 0.91).astype(np.int64)

    died = visits.death != MISSING
    midnight = visits.death // DAY * DAY
    floored = died & (rng.random(n) < FLOORED_DEATHS)
    floored &= midnight > np.maximum(visits.admit, visits.icu_in) + 6 * HOUR
    # a few admissions are entered late: their ICU stay then begins before them, as in MIMIC
    late = (visits.icu_in != MISSING) & (rng.random(n) < world.model.params.dirty_share)
    # not where a change of bed made two stays of one: the second alone would be kept
    late[world.stays.visit[moves(world)[0] != MISSING]] = False
    unknown = (visits.discharged_to < p.HOSPICE) & (rng.random(n) < 0.1)
    in_ed = visits.ed_end != MISSING
    walked = in_ed & (rng.random(n) < 0.08)
    return {
        "subject_id": subject_id(world, np.arange(n)),
        "hadm_id": visit_ids(world, np.arange(n)),
        "admittime": np.where(late, visits.icu_in + 600, visits.admit),
        "dischtime": np.where(floored, midnight, visits.discharge),
        "deathtime": visits.death,
        "admission_type": visits.admission_type,
        "admit_provider_id": rng.integers(0, STAFF, n),
        "admission_location": np.where(walked, len(p.ADMITTED_FROM), visits.admission_type),
        "discharge_location": np.where(unknown, MISSING, visits.discharged_to),
        "insurance": insurance[patient],
        "language": english[patient],
        "marital_status": marital[patient],
        "race": race(world)[patient],
        "edregtime": np.where(in_ed, visits.start, MISSING),
        "edouttime": visits.ed_end,
        "hospital_expire_flag": died.astype(np.int64),
    }


def _in_words(columns: dict[str, Ints]) -> dict[str, Ints | pa.Array]:
    vocabularies = {
        "admission_type": p.ADMISSION_TYPES,
        "admit_provider_id": _providers(),
        "admission_location": (*p.ADMITTED_FROM, p.WALK_IN),
        "discharge_location": p.DISCHARGED_TO,
        "insurance": p.INSURANCES,
        "language": ("?", "ENGLISH"),
        "marital_status": p.MARITAL,
        "race": p.RACES,
    }
    return {
        name: words(vocabularies[name], column) if name in vocabularies else column
        for name, column in columns.items()
    }


@cache
def _providers() -> tuple[str, ...]:
    """Provider ids of MIMIC's shape: P, then five letters or digits."""
    letters = np.array(list(string.digits + string.ascii_uppercase))
    return tuple(
        "P" + "".join(row) for row in letters[generator("staff").integers(0, 36, (STAFF, 5))]
    )
