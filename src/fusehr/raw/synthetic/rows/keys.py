"""What a moment of a visit is called in the files: its hadm_id, its stay_id, its severity."""

from __future__ import annotations

import numpy as np

from fusehr.raw.synthetic import identifiers as ids
from fusehr.raw.synthetic.arrays import HOUR, MINUTE, MISSING, Bools, Floats, Ints
from fusehr.raw.synthetic.latent.severity import THERMAL
from fusehr.raw.synthetic.latent.truth import icu_stay_ids, visit_ids
from fusehr.raw.synthetic.latent.world import World

# Severity is drawn relative to what is usual in the unit. How far below the ICU's usual state the
# wards' and the emergency department's lie, on the first three axes.
WARD_OFFSET, ED_OFFSET = -0.7, -0.5

MOVED_SHARE = 0.07  # of ICU stays that a change of bed splits in two, if they last long enough


def subject_id(world: World, visit: Ints) -> Ints:
    """subject_id of visits."""
    return world.patients.subject_id[world.visits.patient[visit]]


def hadm_id(world: World, visit: Ints, time: Ints) -> Ints:
    """hadm_id at a time: of two contiguous admissions the one that had begun."""
    visits = world.visits
    again = visits.again[visit]
    second = ids.hadm_ids(
        world.patients.number[visits.patient[visit]], visits.order[visit], again=True
    )
    return np.where((again != MISSING) & (time >= again), second, visit_ids(world, visit))


def first_end(world: World) -> Ints:
    """(V,) discharge from the first of two contiguous admissions, hours before the second."""
    again = world.visits.again
    return np.where(again != MISSING, again - HOUR - again // MINUTE % 480 * MINUTE, MISSING)


def moves(world: World) -> tuple[Ints, Ints]:
    """(S,) when the first bed was left and the second taken; MISSING where it stayed the same."""
    rng = world.stream("moves")
    stays = world.stays
    # at any time in the first five days, if the stay lasts so long
    left = stays.intime + (HOUR * (4 + 116 * rng.random(len(stays)))).astype(np.int64)
    taken = left + MINUTE + np.floor(rng.random(len(stays)) * 25 * MINUTE).astype(np.int64)
    moved = (rng.random(len(stays)) < MOVED_SHARE) & (taken < stays.outtime)
    return np.where(moved, left, MISSING), np.where(moved, taken, MISSING)


def stay_id(world: World, stay: Ints, time: Ints) -> Ints:
    """stay_id at a time: after a change of bed, the later one."""
    left, _ = moves(world)
    visit = world.stays.visit[stay]
    after = (left[stay] != MISSING) & (time > left[stay])
    return np.where(after, icu_stay_ids(world, visit, moved=True), icu_stay_ids(world, visit))


def in_unit(world: World, visit: Ints, time: Ints) -> Bools:
    """Whether the patient was in the ICU."""
    visits = world.visits
    begun = (visits.icu_in[visit] != MISSING) & (time >= visits.icu_in[visit])
    return begun & (time < visits.icu_out[visit])


def shifted(q: Floats, offset: Floats | float) -> Floats:
    """q (n, 4) on the scale of the ICU; `offset` is (n,) or one number, temperature has none."""
    moved = q + np.asarray(offset)[..., None]
    moved[..., THERMAL] = q[..., THERMAL]
    return moved


def state(world: World, visit: Ints, time: Ints) -> Floats:
    """q (n, 4) at a time, on the scale of the ICU wherever the patient is."""
    visits = world.visits
    away = np.where(time < visits.admit[visit], ED_OFFSET, WARD_OFFSET)
    offset = np.where(in_unit(world, visit, time), 0.0, away)
    return shifted(visits.severity(visit, time), offset)


def person(world: World, visit: Ints) -> Ints:
    """Row in Patients of visits."""
    return world.visits.patient[visit]


def body_offsets(world: World, name: str, scales: dict[str, float]) -> dict[str, Floats]:
    """By channel, what is lasting and own to each patient: (patients,) of the given spread."""
    rng = world.stream(f"own {name}")
    return {
        channel: scale * rng.standard_normal(len(world.patients.number))
        for channel, scale in scales.items()
    }
