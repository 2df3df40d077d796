"""chartevents as rows: ids, storage times, words, and the dirt that real charts have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fusehr.raw.synthetic.arrays import DAY, MINUTE, Floats, Ints
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows import vitals
from fusehr.raw.synthetic.rows.keys import hadm_id, stay_id, subject_id
from fusehr.raw.synthetic.vocabulary import bedside as item

POUNDS_AS_KILOGRAMS = 0.02  # of admission weights: in pounds under the item in kilograms


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The one table of one block, sorted by stay, time and item."""
    rng = world.stream("charting")
    charted = vitals.draw(world)
    order = np.lexsort((charted.itemid, charted.time, charted.stay))
    stay, time = charted.stay[order], charted.time[order]
    itemid, text = charted.itemid[order], charted.words[order]
    share = world.model.params.dirty_share
    value = _odd_values(rng, share, itemid, charted.value[order])
    # most is stored within minutes, some at the end of the shift
    lag = np.where(rng.random(len(stay)) < 0.1, 150.0, 14.0) * rng.exponential(1, len(stay))
    stored = time + MINUTE * np.floor(np.minimum(lag, 600)).astype(np.int64)
    time, stored = _odd_times(rng, share, time, stored)
    kept = _with_duplicates(rng, share, len(stay))

    visit = world.stays.visit[stay]
    shift = time // (12 * 3600)
    number = pa.array(value, from_pandas=True)
    said = words(vitals.WORDS, text)
    units = np.array(sorted(item.UNITS))
    where = np.searchsorted(units, itemid)
    named = units[np.minimum(where, len(units) - 1)] == itemid
    table = build(
        "icu/chartevents",
        {
            "subject_id": subject_id(world, visit),
            "hadm_id": hadm_id(world, visit, time),
            "stay_id": stay_id(world, stay, time),
            "caregiver_id": 10_000 + (stay * 7919 + shift * 104_729 + world.block) % 90_000,
            "charttime": time,
            "storetime": stored,
            "itemid": itemid,
            "value": pc.call_function("coalesce", [said, number.cast(pa.string())]),
            "valuenum": value,
            "valueuom": words([item.UNITS[int(u)] for u in units], np.where(named, where, -1)),
            "warning": np.zeros(len(stay)),
        },
    )
    yield "icu/chartevents", table.take(pa.array(kept))


def _odd_values(rng: np.random.Generator, share: float, itemid: Ints, value: Floats) -> Floats:
    """Slips of the pen: a digit too many, zero, Celsius as Fahrenheit, pounds as kilograms."""
    n = len(value)
    value = value.copy()
    wrong = rng.random(n) < share / 2
    numeric = ~np.isin(itemid, (item.EYE, item.VERBAL, item.MOTOR))
    value[wrong & numeric] *= np.where(rng.random(int((wrong & numeric).sum())) < 0.6, 10.0, 0.0)
    metric = (itemid == item.FAHRENHEIT) & (rng.random(n) < 10 * share)
    value[metric] = np.round((value[metric] - 32) / 1.8, 1)
    pounds = (itemid == item.KILOGRAMS) & (rng.random(n) < POUNDS_AS_KILOGRAMS * (share > 0))
    value[pounds] = np.round(value[pounds] / 0.45359237, 1)
    return value


def _odd_times(
    rng: np.random.Generator, share: float, time: Ints, stored: Ints
) -> tuple[Ints, Ints]:
    """Impossible times: a year too late or a century too early, now and then."""
    wrong = rng.random(len(time)) < share / 10
    years = np.where(rng.random(len(time)) < 0.7, 365, -36_525) * DAY
    return np.where(wrong, time + years, time), np.where(wrong, stored + years, stored)


def _with_duplicates(rng: np.random.Generator, share: float, n: int) -> Ints:
    """Row numbers, some of them twice in a row."""
    return np.repeat(np.arange(n), np.where(rng.random(n) < share, 2, 1))
