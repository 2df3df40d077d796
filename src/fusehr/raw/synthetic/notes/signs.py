"""Vital signs as a note's author sees them: of triage, or those last charted in the unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.raw.synthetic.arrays import MISSING, Floats, Ints
from fusehr.raw.synthetic.latent.truth import ed_stay_ids
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.notes.schedule import NoteKind, Schedule
from fusehr.raw.synthetic.rows import emergency, vitals
from fusehr.raw.synthetic.rows.chart import Charted
from fusehr.raw.synthetic.vocabulary import bedside as item


@dataclass(frozen=True)
class Signs:
    """(N,) signs of each note, NaN where none was measured. complaints: (E,) as triage has them.

    temperature: in the unit it was charted in.
    """

    heart_rate: Floats
    systolic: Floats
    diastolic: Floats
    respiratory_rate: Floats
    saturation: Floats
    temperature: Floats
    complaints: list[str]


NAMES = ("heart_rate", "systolic", "diastolic", "respiratory_rate", "saturation", "temperature")
_AT_TRIAGE = ("heartrate", "sbp", "dbp", "resprate", "o2sat", "temperature")
# by name the items it may be charted under
_ITEMS = {
    "heart_rate": (item.HEART_RATE,),
    "systolic": (item.CUFF[0], item.ARTERIAL[0]),
    "diastolic": (item.CUFF[1], item.ARTERIAL[1]),
    "respiratory_rate": (item.RESPIRATORY_RATE,),
    "saturation": (item.SPO2,),
    "temperature": (item.FAHRENHEIT, item.CELSIUS),
}


def signs(world: World, notes: Schedule) -> Signs:
    """Signs of each note of a block."""
    at_triage = next(table for key, table in emergency.tables(world) if key == "ed/triage")
    order = np.argsort(at_triage["stay_id"].to_numpy())
    rows = order[np.searchsorted(at_triage["stay_id"].to_numpy()[order], ed_stay_ids(world))]
    of_triage = notes.kind == NoteKind.TRIAGE

    stay_of_visit = np.full(len(world.visits), MISSING)
    stay_of_visit[world.stays.visit] = np.arange(len(world.stays))
    stay = np.where(of_triage | (notes.visit == MISSING), MISSING, stay_of_visit[notes.visit])
    charted = vitals.draw(world)
    found = {}
    for name, column in zip(NAMES, _AT_TRIAGE, strict=True):
        values = last_charted(charted, _ITEMS[name], stay, notes.charttime)
        triaged = at_triage[column].to_numpy()[rows]
        values[of_triage] = triaged[notes.emergency[of_triage]]
        found[name] = values
    texts = at_triage["chiefcomplaint"].to_pylist()
    return Signs(**found, complaints=[texts[row] for row in rows])


def last_charted(charted: Charted, items: tuple[int, ...], stay: Ints, time: Ints) -> Floats:
    """(n,) last value of `items` in each stay up to each time, NaN where there is none.

    Of two charted at the same moment, that of the later of `items`.
    """
    rows = np.flatnonzero(np.isin(charted.itemid, items))
    rank = np.array([items.index(i) for i in charted.itemid[rows].tolist()], dtype=np.int64)
    rows = rows[np.lexsort((rank, charted.time[rows], charted.stay[rows]))]
    span = 1 << 36  # seconds; longer than any time in the files
    keys = charted.stay[rows] * span + charted.time[rows]
    at = np.searchsorted(keys, stay * span + time, side="right") - 1
    found = (at >= 0) & (stay != MISSING)
    found[found] &= charted.stay[rows[at[found]]] == stay[found]
    values = np.full(len(stay), np.nan)
    values[found] = charted.value[rows[at[found]]]
    return values
