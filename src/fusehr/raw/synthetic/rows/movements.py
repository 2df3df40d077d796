"""transfers and icustays: where in the hospital a patient was."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic import identifiers as ids
from fusehr.raw.synthetic.arrays import DAY, MISSING, Bools, Ints, choose, choose_each
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.truth import ed_stay_ids, icu_stay_ids, visit_ids
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.keys import first_end, moves, subject_id
from fusehr.raw.synthetic.vocabulary import places as p


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The two tables of one block."""
    units = _units(world)
    yield "hosp/transfers", _transfers(world, units)
    yield "icu/icustays", _icustays(world, units)


def _units(world: World) -> tuple[Ints, Ints]:
    """ICU units (S,) at first and after a change of bed, by the leading axis of q."""
    rng = world.stream("units")
    q = world.stays.q[:, 0]
    pull = p.UNIT_PULL[np.abs(q).argmax(axis=1)]
    first = choose_each(rng, p.UNIT_SHARES * pull)
    other = choose_each(rng, p.UNIT_SHARES * pull)
    left, _ = moves(world)
    return first, np.where(left != MISSING, other, first)


def _icustays(world: World, units: tuple[Ints, Ints]) -> pa.Table:
    """One row a stay, two where a change of bed split it by minutes. `los` is in days."""
    stays, visits = world.stays, world.visits
    left, taken = moves(world)
    # the bed is cleared up to an hour after a death
    dead = visits.death[stays.visit] == stays.outtime
    cleared = np.floor(world.stream("beds").random(len(stays)) * 3600).astype(np.int64)
    out = stays.outtime + np.where(dead, cleared, 0)
    moved = left != MISSING
    parts = [
        (np.arange(len(stays)), stays.intime, np.where(moved, left, out), units[0], False),
        (np.flatnonzero(moved), taken[moved], out[moved], units[1][moved], True),
    ]
    rows = [
        build(
            "icu/icustays",
            {
                "subject_id": subject_id(world, stays.visit[which]),
                "hadm_id": visit_ids(world, stays.visit[which]),
                "stay_id": icu_stay_ids(world, stays.visit[which], moved=second),
                "first_careunit": words(p.ICU_UNITS, unit),
                "last_careunit": words(p.ICU_UNITS, unit),
                "intime": begin,
                "outtime": end,
                "los": (end - begin) / DAY,
            },
        )
        for which, begin, end, unit, second in parts
    ]
    return pa.concat_tables(rows).sort_by([("subject_id", "ascending"), ("intime", "ascending")])


def _transfers(world: World, units: tuple[Ints, Ints]) -> pa.Table:
    """Where the patient was: emergency department, ward or unit, and the discharge."""
    visits, stays, patients = world.visits, world.stays, world.patients
    rng = world.stream("wards")
    n = len(visits)
    ward = choose(rng, p.WARD_SHARES, n)
    number = patients.number[visits.patient]
    unit = np.full((n, 2), MISSING)
    unit[stays.visit] = np.stack(units, axis=1)
    change = np.full((n, 2), MISSING)
    change[stays.visit] = np.stack(moves(world), axis=1)
    names = (*p.WARDS, *p.ICU_UNITS, "Emergency Department")
    icu, moved, split = visits.icu_in != MISSING, change[:, 0] != MISSING, visits.again != MISSING
    here = np.maximum(visits.admit, visits.ed_end)
    nowhere = np.full(n, MISSING)
    ends = np.where(split, first_end(world), visits.discharge)
    after = icu & (visits.discharge > visits.icu_out)

    def place(
        keep: Bools, at: int, event: str, where: Ints, begin: Ints, end: Ints, hadm: Ints
    ) -> pa.Table:
        transfer = ids.place_ids(number, visits.order, at)
        if at in (ids.IN_ICU, ids.ICU_MOVED):
            transfer = icu_stay_ids(world, np.arange(n), moved=at == ids.ICU_MOVED)
        return build(
            "hosp/transfers",
            {
                "subject_id": subject_id(world, np.flatnonzero(keep)),
                "hadm_id": hadm[keep],
                "transfer_id": transfer[keep],
                "eventtype": event,
                "careunit": words(names, where[keep]),
                "intime": begin[keep],
                "outtime": end[keep],
            },
        )

    first = visit_ids(world, np.arange(n))
    second = ids.hadm_ids(number, visits.order, again=True)
    units_at = len(p.WARDS)
    leaves_icu = np.where(moved, change[:, 0], visits.icu_out)
    everyone = np.ones(n, dtype=bool)
    rows = [
        place(
            visits.ed_end != MISSING, ids.IN_ED, "ED", np.full(n, len(names) - 1),
            visits.start, visits.ed_end, first,
        ),
        place(
            everyone, ids.ADMITTED, "admit", ward, here, np.where(icu, visits.icu_in, ends), first
        ),
        place(
            icu, ids.IN_ICU, "transfer", units_at + unit[:, 0], visits.icu_in, leaves_icu, first
        ),
        place(
            moved, ids.ICU_MOVED, "transfer", units_at + unit[:, 1], change[:, 1],
            visits.icu_out, first,
        ),
        place(after, ids.AFTER_ICU, "transfer", ward, visits.icu_out, visits.discharge, first),
        place(split, ids.AGAIN, "admit", ward, visits.again, visits.discharge, second),
        place(everyone, ids.DISCHARGED, "discharge", nowhere, ends, nowhere, first),
        place(split, ids.AGAIN_OUT, "discharge", nowhere, visits.discharge, nowhere, second),
    ]  # fmt: skip
    rows.append(_emergencies_alone(world))
    return pa.concat_tables(rows).sort_by(
        [("subject_id", "ascending"), ("intime", "ascending"), ("transfer_id", "ascending")]
    )


def _emergencies_alone(world: World) -> pa.Table:
    """Visits to the emergency department that led to no admission have no hadm_id."""
    seen = world.emergencies
    alone = seen.visit == MISSING
    return build(
        "hosp/transfers",
        {
            "subject_id": world.patients.subject_id[seen.patient[alone]],
            "transfer_id": ed_stay_ids(world)[alone],
            "eventtype": "ED",
            "careunit": "Emergency Department",
            "intime": seen.start[alone],
            "outtime": seen.end[alone],
        },
    )
