"""edstays, triage and vitalsign, with the columns of MIMIC-IV-ED 2.2.

Triage shows q on arrival through one reading of each sign; the complaint goes by the axis that is
furthest from normal, and by nothing beyond q.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import HOUR, MINUTE, MISSING, Floats, Ints, choose, spread
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.emergency import ED_HOURS
from fusehr.raw.synthetic.latent.truth import ed_stay_ids, visit_ids
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows import physiology as body
from fusehr.raw.synthetic.rows.keys import ED_OFFSET, shifted
from fusehr.raw.synthetic.rows.people import race
from fusehr.raw.synthetic.vocabulary import places as p
from fusehr.raw.synthetic.vocabulary.complaints import BY_AXIS, PAIN_SHARES, PAINS

NO_ACUITY = 0.016  # of visits: 6,987 of 425,087 in MIMIC-IV-ED
NO_SIGN = 0.04  # of each sign at triage
REMARKABLE = 1.0  # how far an axis is from normal where it makes the complaint, with some doubt
SIGNS = ("temperature", "heartrate", "resprate", "o2sat", "sbp", "dbp")


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The three tables of one block, sorted by patient and time."""
    order = np.lexsort((world.emergencies.start, world.emergencies.patient))
    yield "ed/edstays", _edstays(world).take(pa.array(order))
    yield "ed/triage", _triage(world).take(pa.array(order))
    yield "ed/vitalsign", _vitalsign(world, order)


def _edstays(world: World) -> pa.Table:
    seen, patients = world.emergencies, world.patients
    n = len(seen)
    rng = world.stream("edstays")
    admitted = seen.visit != MISSING
    home = np.where(rng.random(n) < 0.93, 1, 2)
    return build(
        "ed/edstays",
        {
            "subject_id": patients.subject_id[seen.patient],
            "hadm_id": np.where(admitted, visit_ids(world, seen.visit), MISSING),
            "stay_id": ed_stay_ids(world),
            "intime": seen.start,
            "outtime": seen.end,
            "gender": words(("M", "F"), patients.female[seen.patient].astype(np.int64)),
            "race": words(p.RACES, race(world)[seen.patient]),
            "arrival_transport": words(p.ARRIVALS, choose(rng, p.ARRIVAL_SHARES, n)),
            "disposition": words(("ADMITTED", "HOME", "TRANSFER"), np.where(admitted, 0, home)),
        },
    )


def _signs(rng: np.random.Generator, q: Floats) -> dict[str, Floats]:
    """One reading of each sign (n,), given q (n, 4) on the scale of the ICU."""
    n = len(q)
    e = rng.standard_normal((6, n))
    mean = 8 + body.mean_pressure(q) + 6 * e[0]
    width = np.clip(3 + body.pulse_pressure(q) + 7 * e[1], 15, 120)
    celsius = body.celsius(q) + 0.13 * e[2]
    return {
        "temperature": np.round(celsius * 1.8 + 32, 1),
        "heartrate": np.clip(np.round(body.pulse(q) + 6 * e[4]), 30, 220),
        "resprate": np.clip(np.round(body.breaths(q) + 2 * e[5]), 6, 60),
        "o2sat": body.desaturated(body.log_desaturation(q) + 0.33 * e[3]),
        "sbp": np.clip(np.round(mean + 0.62 * width), 40, 260),
        "dbp": np.clip(np.round(mean - 0.38 * width), 20, 180),
    }


def _triage(world: World) -> pa.Table:
    seen = world.emergencies
    n = len(seen)
    rng = world.stream("triage")
    q = seen.path[:, 0]
    signs = _signs(rng, shifted(q, ED_OFFSET))
    share = world.model.params.dirty_share
    # a digit too many, and Celsius where Fahrenheit belongs
    metric = rng.random(n) < 10 * share
    signs["temperature"] = np.where(
        metric, np.round((signs["temperature"] - 32) / 1.8, 1), signs["temperature"]
    )
    signs["heartrate"] = np.where(
        rng.random(n) < share, signs["heartrate"] * 10, signs["heartrate"]
    )
    for name in SIGNS:
        signs[name] = np.where(rng.random(n) < NO_SIGN, np.nan, signs[name])
    axis = np.abs(q).argmax(axis=1)
    doubt = 0.5 * rng.standard_normal(n)
    axis = np.where(np.abs(q).max(axis=1) + doubt > REMARKABLE, axis, len(BY_AXIS) - 1)
    texts = [text for texts in BY_AXIS for text in texts]
    complaint = axis * len(BY_AXIS[0]) + np.minimum(rng.exponential(3, n), 9).astype(np.int64)
    return build(
        "ed/triage",
        {
            "subject_id": world.patients.subject_id[seen.patient],
            "stay_id": ed_stay_ids(world),
            **signs,
            "pain": _pain(rng, n),
            "acuity": np.where(rng.random(n) < NO_ACUITY, MISSING, seen.acuity),
            "chiefcomplaint": words(texts, complaint),
        },
    )


def _pain(rng: np.random.Generator, n: int) -> pa.Array:
    """Pain as it was written down, empty for 3 %."""
    said = choose(rng, np.array(PAIN_SHARES, dtype=float), n)
    return words(PAINS, np.where(rng.random(n) < 0.03, MISSING, said))


def _vitalsign(world: World, order: Ints) -> pa.Table:
    """A round every one to four hours while the patient is there."""
    seen = world.emergencies
    rng = world.stream("vitalsign")
    gaps = 60 + np.floor(180 * rng.random((len(seen), ED_HOURS)))
    minute = np.cumsum(gaps, axis=1) - gaps[:, :1] + np.floor(8 + 30 * rng.random((len(seen), 1)))
    time = seen.start[:, None] + MINUTE * minute.astype(np.int64)
    rounds = (time < seen.end[:, None]).sum(axis=1)[order]
    row, nth = spread(rounds)
    row = order[row]
    time = time[row, nth]
    hour = np.minimum((time - seen.start[row]) // HOUR, ED_HOURS - 1)
    signs = _signs(rng, shifted(seen.path[row, hour], ED_OFFSET))
    n = len(row)
    # temperature is seldom taken again
    signs["temperature"] = np.where(rng.random(n) < 0.35, np.nan, signs["temperature"])
    rhythms = ("Sinus Rhythm", "Sinus Tachycardia", "Atrial Fibrillation")
    rhythm = np.where(rng.random(n) < 0.9, MISSING, choose(rng, np.array([7.0, 2, 1]), n))
    return build(
        "ed/vitalsign",
        {
            "subject_id": world.patients.subject_id[seen.patient[row]],
            "stay_id": ed_stay_ids(world)[row],
            "charttime": time,
            **signs,
            "rhythm": words(rhythms, rhythm),
            "pain": _pain(rng, n),
        },
    )
