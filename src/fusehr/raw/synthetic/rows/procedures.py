"""procedureevents: ventilation, intubation, lines; and procedures_icd, what was billed of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import DAY, HOUR, MINUTE, Bools, Ints, spread
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.severity import CIRCULATORY, RESPIRATORY, THERMAL
from fusehr.raw.synthetic.latent.supports import VENTILATION
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.codes import icd_version
from fusehr.raw.synthetic.rows.keys import hadm_id, stay_id, subject_id
from fusehr.raw.synthetic.rows.vitals import has_arterial_line
from fusehr.raw.synthetic.vocabulary import bedside as item
from fusehr.raw.synthetic.vocabulary import procedures as billed
from fusehr.raw.synthetic.vocabulary.conditions import column

# itemid: order category, kind of process, location and its category
KINDS: dict[int, tuple[str, str, str, str]] = {
    item.VENTILATION: ("Ventilation", "ContinuousProcess", "", ""),
    item.INTUBATION: ("Intubation/Extubation", "Task", "", ""),
    item.EXTUBATION: ("Intubation/Extubation", "Task", "", ""),
    item.ARTERIAL_LINE: (
        "Invasive Lines", "ContinuousProcess", "Right Radial", "Invasive Arterial",
    ),
    item.MULTI_LUMEN: ("Invasive Lines", "ContinuousProcess", "Right IJ", "Invasive Venous"),
    item.GAUGE_20: ("Peripheral Lines", "ContinuousProcess", "Right Antecubital", "Peripheral"),
    item.GAUGE_18: ("Peripheral Lines", "ContinuousProcess", "Left Antecubital", "Peripheral"),
    item.CHEST_XRAY: ("Imaging", "Task", "", ""),
    item.BLOOD_CULTURED: ("Procedures", "Task", "", ""),
}  # fmt: skip


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The two tables of one block."""
    yield "icu/procedureevents", _bedside(world)
    yield "hosp/procedures_icd", _billed(world)


def _bedside(world: World) -> pa.Table:
    rng = world.stream("procedures")
    stays, runs = world.stays, world.runs
    tube = np.flatnonzero(runs.support == VENTILATION)
    here = tube[~runs.on_arrival[tube]]
    freed = tube[runs.end[tube] < stays.outtime[runs.stay[tube]] - MINUTE]
    parts: list[tuple[int, Ints, Ints, Ints]] = [
        (item.VENTILATION, runs.stay[tube], runs.start[tube], runs.end[tube]),
        (item.INTUBATION, runs.stay[here], runs.start[here], runs.start[here] + MINUTE),
        (item.EXTUBATION, runs.stay[freed], runs.end[freed], runs.end[freed] + MINUTE),
    ]
    everyone = np.arange(len(stays))
    # who gets a line goes by q: one placed for a support to come would tell of it before it begins
    lines = (
        (item.ARTERIAL_LINE, has_arterial_line(world)),
        (
            item.MULTI_LUMEN,
            rng.random(len(stays)) < 0.15 + 0.2 * (stays.q[:, 0, CIRCULATORY] > 0.5),
        ),
        (item.GAUGE_20, rng.random(len(stays)) < 0.7),
        (item.GAUGE_18, rng.random(len(stays)) < 0.5),
    )
    for itemid, has in lines:
        stay = everyone[has]
        start = stays.intime[stay] + MINUTE * (5 + rng.integers(0, 120, len(stay)))
        # a line lies for some days; its end never foretells that of the stay
        end = start + HOUR + (3 * DAY * rng.exponential(1, len(stay))).astype(np.int64)
        parts.append((itemid, stay, start, np.minimum(end, stays.outtime[stay])))
    days = (stays.outtime - stays.intime) / DAY
    fever = np.abs(stays.q[:, 0, THERMAL])
    for itemid, per_day in (
        (item.CHEST_XRAY, 0.4 + 0.1 * np.maximum(stays.q[:, 0, RESPIRATORY], 0)),
        (item.BLOOD_CULTURED, 0.1 + 0.15 * fever),
    ):
        stay, _ = spread(rng.poisson(per_day * days))
        length = stays.outtime[stay] - stays.intime[stay]
        start = stays.intime[stay] + (length * rng.random(len(stay))).astype(np.int64)
        parts.append((itemid, stay, start, start + MINUTE))

    itemid = np.concatenate([np.full(len(stay), i) for i, stay, _, _ in parts])
    stay, start, end = (np.concatenate([part[k] for part in parts]) for k in (1, 2, 3))
    order = np.lexsort((itemid, start, stay))
    itemid, stay = itemid[order], stay[order]
    start, end = start[order] // MINUTE * MINUTE, end[order] // MINUTE * MINUTE
    return _table(rng, world, itemid, stay, start, end)


def _table(
    rng: np.random.Generator, world: World, itemid: Ints, stay: Ints, start: Ints, end: Ints
) -> pa.Table:
    n = len(stay)
    visit = world.stays.visit[stay]
    known = sorted(KINDS)
    kind = np.searchsorted(np.array(known), itemid)
    task = np.array([KINDS[i][1] == "Task" for i in known])[kind]
    # a process is stored when it ends, within hours; the whole row is known only then
    late = MINUTE * np.ceil(np.where(rng.random(n) < 0.2, 90.0, 4.0) * rng.exponential(1, n))
    minutes = np.where(task, 1.0, (end - start) / MINUTE)

    def named(position: int) -> pa.Array:
        texts = [KINDS[i][position] for i in known]
        return words(texts, np.where(np.array(texts)[kind] == "", -1, kind))

    order = world.block * 1_000_000 + 500_000 + rng.permutation(n)
    return build(
        "icu/procedureevents",
        {
            "subject_id": subject_id(world, visit),
            "hadm_id": hadm_id(world, visit, start),
            "stay_id": stay_id(world, stay, start),
            "caregiver_id": 10_000 + rng.integers(0, 90_000, n),
            "starttime": start,
            "endtime": end,
            "storetime": (end + late).astype(np.int64),
            "itemid": itemid,
            "value": minutes,
            "valueuom": words(("min", "None"), task.astype(np.int64)),
            "location": named(2),
            "locationcategory": named(3),
            "orderid": order,
            "linkorderid": order,
            "ordercategoryname": named(0),
            "ordercategorydescription": named(1),
            "patientweight": np.round(world.patients.kilograms[world.visits.patient[visit]], 1),
            "isopenbag": (~task).astype(np.int64),
            "continueinnextdept": np.zeros(n),
            "statusdescription": "FinishedRunning",
            "ORIGINALAMOUNT": minutes,
            "ORIGINALRATE": np.where(task, 0.0, 1.0),
        },
    )


def _billed(world: World) -> pa.Table:
    """Procedures coded for each visit, dated to the day they were done."""
    rng = world.stream("billed procedures")
    visits, stays, runs = world.visits, world.stays, world.runs
    n = len(visits)
    tube = runs.support == VENTILATION
    hours = np.zeros(n)
    np.add.at(hours, stays.visit[runs.stay[tube]], (runs.end - runs.start)[tube] / HOUR)
    begun_here = np.zeros(n, dtype=bool)
    begun_here[stays.visit[runs.stay[tube & ~runs.on_arrival]]] = True
    in_icu = np.zeros(n, dtype=bool)
    in_icu[stays.visit] = True
    line = np.zeros(n, dtype=bool)
    line[stays.visit] = has_arterial_line(world)

    def has(name: str) -> Bools:
        return world.present[:, column(name)]

    chances = {
        "ventilation_short": (hours > 0) & (hours < 96),
        "ventilation_long": hours >= 96,
        "intubation": 0.8 * begun_here,
        "central_line": 0.45 * in_icu,
        "arterial_line": 0.4 * line,
        "tube_feeding": 0.4 * (hours >= 48),
        "dialysis": 0.15 * has("acute_renal_failure") + 0.1 * has("chronic_kidney_disease"),
        "coronary_angiography": 0.5 * has("acute_myocardial_infarction"),
        "upper_endoscopy": 0.5 * has("gastrointestinal_hemorrhage"),
        "pleural_drainage": 0.3 * has("pleurisy_pneumothorax_collapse"),
        "transfusion": np.full(n, 0.12),
        "bronchoscopy": 0.15 * has("respiratory_failure"),
        "noninvasive_ventilation": 0.12 * has("respiratory_failure"),
    }
    names = tuple(chances)
    done = rng.random((n, len(names))) < np.stack([chances[name] for name in names], axis=1)
    visit, which = (part.astype(np.int64) for part in np.nonzero(done))
    begin = np.where(in_icu[visit], visits.icu_in[visit], visits.admit[visit])
    until = np.where(in_icu[visit], visits.icu_out[visit], visits.discharge[visit])
    time = begin + ((until - begin) * rng.random(len(visit))).astype(np.int64)
    codes = billed.codes()
    version = icd_version(world, visit)
    by_name = {(c.procedure, c.icd_version): i for i, c in enumerate(codes)}
    row = np.array([by_name[names[w], int(v)] for w, v in zip(which, version, strict=True)], int)
    return build(
        "hosp/procedures_icd",
        {
            "subject_id": subject_id(world, visit),
            "hadm_id": hadm_id(world, visit, time),
            "seq_num": 1 + np.arange(len(visit)) - np.searchsorted(visit, visit, side="left"),
            "chartdate": time,
            "icd_code": words([c.icd_code for c in codes], row),
            "icd_version": version,
        },
    )
