"""inputevents: vasopressors, one row for each change of rate, and what else drips into a patient.

As in MIMIC, most rows are changes of dose: a run of support becomes a chain of rows, each starting
where the last ended, now and then with a second drug beside it or a pause of up to two hours.
Pauses keep clear of the 12-hour marks at which windows begin: there a support runs or it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import DAY, HOUR, MINUTE, Bools, Floats, Ints, choose, spread
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.icu import BLOCK_SECONDS
from fusehr.raw.synthetic.latent.severity import CIRCULATORY, RENAL
from fusehr.raw.synthetic.latent.supports import VASOPRESSOR, VENTILATION
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.keys import hadm_id, stay_id, subject_id
from fusehr.raw.synthetic.vocabulary import bedside as item
from fusehr.raw.synthetic.vocabulary.conditions import column

CHANGE_HOURS = 2.0  # mean time between changes of rate; the demo's median is one hour
PAUSE_SHARE, LONGEST_PAUSE = 0.04, 2 * HOUR
SECOND_AGENT_SHARE = 0.25  # of runs, if they last long enough
AGENTS = (item.NOREPINEPHRINE, item.PHENYLEPHRINE, item.EPINEPHRINE, item.DOPAMINE)
AGENT_SHARES = np.array([0.64, 0.26, 0.05, 0.05])
USUAL_RATE = {  # mcg/kg/min, vasopressin units/hour; medians of the demo
    item.NOREPINEPHRINE: 0.12,
    item.PHENYLEPHRINE: 1.0,
    item.EPINEPHRINE: 0.04,
    item.DOPAMINE: 3.5,
    item.VASOPRESSIN: 2.4,
    item.PROPOFOL: 30.0,
}
CHANGED, STOPPED, FINISHED, PAUSED = range(4)
STATUS = ("ChangeDose/Rate", "Stopped", "FinishedRunning", "Paused")


@dataclass(frozen=True)
class Rows:
    """n rows. rate: NaN for a bolus. status: position in STATUS. chain: of one infusion."""

    stay: Ints
    itemid: Ints
    start: Ints
    end: Ints
    rate: Floats
    status: Ints
    chain: Ints


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The one table of one block, sorted by stay and time."""
    rng = world.stream("infusions")
    drips = _drips(rng, world)
    boluses = _boluses(rng, world)
    boluses = Rows(**{**vars(boluses), "chain": boluses.chain + drips.chain.max(initial=0) + 1})
    rows = Rows(
        **{
            name: np.concatenate([value, vars(boluses)[name]])
            for name, value in vars(drips).items()
        }
    )
    order = np.lexsort((rows.itemid, rows.start, rows.stay))
    rows = Rows(**{name: value[order] for name, value in vars(rows).items()})
    yield "icu/inputevents", _table(rng, world, rows)


def _drips(rng: np.random.Generator, world: World) -> Rows:
    """Chains of rows of every vasopressor run, and of sedation beside ventilation."""
    runs = world.runs
    pressor = np.flatnonzero(runs.support == VASOPRESSOR)
    tube = np.flatnonzero(runs.support == VENTILATION)
    sedated = tube[rng.random(len(tube)) < 0.7]
    agent = np.array(AGENTS)[choose(rng, AGENT_SHARES, len(pressor))]
    # a second agent comes and goes by its own clock: it never foretells the end of the run
    joined = pressor[rng.random(len(pressor)) < SECOND_AGENT_SHARE]
    begin = runs.start[joined] + (8 * HOUR * rng.exponential(1, len(joined))).astype(np.int64)
    cease = begin + HOUR + (12 * HOUR * rng.exponential(1, len(joined))).astype(np.int64)
    joined, begin, cease = (x[begin < runs.end[joined] - MINUTE] for x in (joined, begin, cease))
    cease = np.minimum(cease, runs.end[joined])
    itemid = np.concatenate(
        [agent, np.full(len(joined), item.VASOPRESSIN), np.full(len(sedated), item.PROPOFOL)]
    )
    return _chains(
        rng,
        world,
        stay=runs.stay[np.concatenate([pressor, joined, sedated])],
        itemid=itemid,
        start=np.concatenate([runs.start[pressor], begin, runs.start[sedated]]) // MINUTE * MINUTE,
        end=np.concatenate([runs.end[pressor], cease, runs.end[sedated]]) // MINUTE * MINUTE,
    )


def _chains(
    rng: np.random.Generator, world: World, stay: Ints, itemid: Ints, start: Ints, end: Ints
) -> Rows:
    """Cut each span at random minutes into rows; some rows end early, in a pause."""
    length = (end - start) // MINUTE
    steady = np.where(itemid == item.VASOPRESSIN, 5.0, 1.0)  # its rate is seldom changed
    cuts = rng.poisson(length / (60 * CHANGE_HOURS * steady))
    chain, _ = spread(cuts)
    at = start[chain] + MINUTE * np.floor(1 + rng.random(len(chain)) * (length[chain] - 1)).astype(
        np.int64
    )
    every = np.concatenate([np.arange(len(stay)), chain])
    begins = np.concatenate([start, at])
    unique = np.unique(np.stack([every, begins]), axis=1)  # sorted by chain, then time
    chain, begins = unique[0], unique[1]
    last = np.diff(chain, append=-1) != 0
    ends = np.where(last, end[chain], np.roll(begins, -1))

    room = ends - begins
    pause = MINUTE * np.floor(room * rng.uniform(0.2, 0.6, len(room)) / MINUTE).astype(np.int64)
    since = world.stays.intime[stay[chain]] // MINUTE * MINUTE
    same_block = (ends - 1 - since) // BLOCK_SECONDS == (begins - since) // BLOCK_SECONDS
    paused = ~last & same_block & (pause >= MINUTE) & (pause <= LONGEST_PAUSE)
    paused &= rng.random(len(room)) < 3 * PAUSE_SHARE
    ends = np.where(paused, ends - pause, ends)

    usual = np.array([USUAL_RATE[int(i)] for i in itemid])[chain]
    visit = world.stays.visit[stay[chain]]
    shock = world.visits.severity(visit, begins)[:, CIRCULATORY]
    spreading = np.where(itemid[chain] == item.VASOPRESSIN, 0.0, 1.0)
    rate: Floats = usual * np.exp(
        spreading * (0.35 * shock + 0.35 * rng.standard_normal(len(chain)))
    )
    keep = ends > begins
    status = np.where(paused, PAUSED, np.where(last, STOPPED, CHANGED))
    return Rows(
        stay=stay[chain][keep],
        itemid=itemid[chain][keep],
        start=begins[keep],
        end=ends[keep],
        rate=np.round(rate, 3)[keep],
        status=status[keep],
        chain=chain[keep],
    )


def _boluses(rng: np.random.Generator, world: World) -> Rows:
    """Fluids, insulin and vancomycin, by what the patient looks like at the time."""
    stays = world.stays
    present = world.present[stays.visit]
    infected = present[:, column("septicemia")] | present[:, column("pneumonia")]
    days = (stays.outtime - stays.intime) / DAY
    dry = np.exp(0.4 * stays.q[:, 0, CIRCULATORY] + 0.2 * stays.q[:, 0, RENAL])
    frequency = (
        (item.SALINE, 0.8 * dry, 30.0),
        (item.RINGERS, 0.5 * dry, 30.0),
        (item.VANCOMYCIN, 0.9 * infected, 1.0),
        (item.INSULIN, np.full(len(stays), 0.35), 30.0),
    )
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for itemid, per_day, minutes in frequency:
        stay, _ = spread(rng.poisson(per_day * days))
        # uniform over the stay: a Poisson process that knows nothing of when the stay will end
        length = stays.outtime[stay] - stays.intime[stay]
        after = (length * rng.random(len(stay))).astype(np.int64)
        start = (stays.intime[stay] + after) // MINUTE * MINUTE + MINUTE
        parts.append((stay, np.full(len(stay), itemid), start, start + int(minutes) * MINUTE))
    stay, itemid, start, end = (np.concatenate(part) for part in zip(*parts, strict=True))
    end = np.minimum(end, stays.outtime[stay] // MINUTE * MINUTE)
    kept = start < end
    n = int(kept.sum())
    return Rows(
        stay=stay[kept],
        itemid=itemid[kept],
        start=start[kept],
        end=end[kept],
        rate=np.full(n, np.nan),
        status=np.full(n, FINISHED),
        chain=np.arange(n),
    )


@dataclass(frozen=True)
class _Kind:
    """How MIMIC describes rows of an item. amount: of one bolus."""

    amountuom: str
    rateuom: str | None
    order: str
    category: str
    amount: float
    bag: float


_DRIP = ("01-Drips", "Continuous Med")
_KINDS: dict[int, _Kind] = {
    **dict.fromkeys(USUAL_RATE, _Kind("mg", "mcg/kg/min", *_DRIP, 0.0, 250.0)),
    item.VASOPRESSIN: _Kind("units", "units/hour", *_DRIP, 0.0, 100.0),
    item.SALINE: _Kind("ml", None, "03-IV Fluid Bolus", "Bolus", 500.0, 500.0),
    item.RINGERS: _Kind("ml", None, "03-IV Fluid Bolus", "Bolus", 500.0, 1000.0),
    item.VANCOMYCIN: _Kind("dose", None, "08-Antibiotics (IV)", "Drug Push", 1.0, 200.0),
    item.INSULIN: _Kind("units", None, "05-Med Bolus", "Drug Push", 4.0, 100.0),
}


def _table(rng: np.random.Generator, world: World, rows: Rows) -> pa.Table:
    n = len(rows.stay)
    visit = world.stays.visit[rows.stay]
    weight = np.round(world.patients.kilograms[world.visits.patient[visit]], 1)
    minutes = (rows.end - rows.start) / MINUTE
    listed = list(_KINDS)
    kind: Ints = np.searchsorted(np.array(sorted(listed)), rows.itemid)
    kinds = [_KINDS[itemid] for itemid in sorted(listed)]
    hourly: Bools = rows.itemid == item.VASOPRESSIN
    given = np.where(hourly, rows.rate * minutes / 60, rows.rate * weight * minutes / 1000)
    bolus = np.array([k.amount for k in kinds])[kind]
    amount = np.where(np.isnan(rows.rate), bolus, given)
    lag = np.where(rng.random(n) < 0.15, 110.0, 8.0) * rng.exponential(1, n)
    bag = np.array([k.bag for k in kinds])[kind]
    order = world.block * 1_000_000 + rng.permutation(n) + 1
    _, first = np.unique(rows.chain, return_index=True)
    linked = order[first][np.unique(rows.chain, return_inverse=True)[1]]
    rateuom = [k.rateuom or "" for k in kinds]
    return build(
        "icu/inputevents",
        {
            "subject_id": subject_id(world, visit),
            "hadm_id": hadm_id(world, visit, rows.start),
            "stay_id": stay_id(world, rows.stay, rows.start),
            "caregiver_id": 10_000 + (rows.stay * 6007 + rows.start // (12 * HOUR)) % 90_000,
            "starttime": rows.start,
            "endtime": rows.end,
            "storetime": rows.start + MINUTE * np.floor(np.minimum(lag, 480)).astype(np.int64),
            "itemid": rows.itemid,
            "amount": np.round(amount, 4),
            "amountuom": words([k.amountuom for k in kinds], kind),
            "rate": rows.rate,
            "rateuom": words(rateuom, np.where(np.isnan(rows.rate), -1, kind)),
            "orderid": order,
            "linkorderid": linked,
            "ordercategoryname": words([k.order for k in kinds], kind),
            "secondaryordercategoryname": "02-Fluids (Crystalloids)",
            "ordercomponenttypedescription": "Main order parameter",
            "ordercategorydescription": words([k.category for k in kinds], kind),
            "patientweight": weight,
            "totalamount": bag,
            "totalamountuom": "ml",
            "isopenbag": np.zeros(n),
            "continueinnextdept": np.zeros(n),
            "statusdescription": words(STATUS, rows.status),
            "originalamount": np.round(amount, 4),
            "originalrate": rows.rate,
        },
    )
