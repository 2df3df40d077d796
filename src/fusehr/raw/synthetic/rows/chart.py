"""When nurses chart: hourly with gaps, the sicker with fewer; two-hourly from the sixth day on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.raw.synthetic.arrays import HOUR, MINUTE, Bools, Floats, Ints, spread
from fusehr.raw.synthetic.latent.severity import CIRCULATORY, RENAL, RESPIRATORY
from fusehr.raw.synthetic.latent.supports import VENTILATION
from fusehr.raw.synthetic.latent.world import World

SPARSE_AFTER = 120  # hours in the unit


@dataclass(frozen=True)
class Charted:
    """n charted values. stay: row in Stays. words: position in vitals.WORDS, -1 for a number."""

    stay: Ints
    time: Ints
    itemid: Ints
    value: Floats
    words: Ints


@dataclass(frozen=True)
class Hours:
    """Full hours of all stays, flattened, at which a nurse may chart.

    stay, patient: rows in Stays and Patients. of_day: 0 to 23. q: (n, 4); sick: mean of its first
    three axes. ventilated: at that moment. charted: kept by the rhythm of charting.
    """

    stay: Ints
    time: Ints
    of_day: Ints
    q: Floats
    sick: Floats
    patient: Ints
    ventilated: Bools
    charted: Bools


class Chart:
    """Collects what is charted, channel by channel."""

    def __init__(self, rng: np.random.Generator, hours: Hours) -> None:
        self._rng, self._hours = rng, hours
        self.parts: list[Charted] = []

    def rows(self, chance: Floats | float, when: Bools | None = None) -> Ints:
        """Hours in which a channel is charted: with `chance`, the sicker more often."""
        hours = self._hours
        keep = self._rng.random(len(hours.stay)) < chance + 0.03 * np.tanh(hours.sick)
        keep &= hours.charted
        return np.flatnonzero(keep if when is None else keep & when)

    def noise(self, rows: Ints) -> Floats:
        """Standard normal draws, one a row."""
        return self._rng.standard_normal(len(rows))

    def time(self, rows: Ints) -> Ints:
        """On the hour, but for one reading in eight."""
        late = np.where(self._rng.random(len(rows)) < 0.12, self._rng.integers(1, 25, len(rows)), 0)
        return self._hours.time[rows] + late * MINUTE

    def add(
        self, rows: Ints, time: Ints, itemid: int | Ints, value: Floats, words: Ints | None = None
    ) -> None:
        """Chart values of an item in the hours `rows`; `words` where it is said in text."""
        n = len(rows)
        self.parts.append(
            Charted(
                stay=self._hours.stay[rows],
                time=time,
                itemid=np.broadcast_to(np.asarray(itemid), (n,)).astype(np.int64),
                value=value,
                words=np.full(n, -1) if words is None else words,
            )
        )

    def joined(self) -> Charted:
        """Everything charted so far."""
        return Charted(
            **{
                name: np.concatenate([getattr(part, name) for part in self.parts])
                for name in ("stay", "time", "itemid", "value", "words")
            }
        )


def full_hours(world: World) -> Hours:
    """The hours of every stay of a block."""
    stays, visits, runs = world.stays, world.visits, world.runs
    first = -(-stays.intime // HOUR) * HOUR
    counts = np.maximum((stays.outtime - first) // HOUR + 1, 0)
    stay, position = spread(counts)
    time = first[stay] + position * HOUR
    visit = stays.visit[stay]
    q = visits.severity(visit, time)
    in_unit = (time - stays.intime[stay]) // HOUR
    ventilated = np.zeros(len(stay), dtype=bool)
    start_of = np.cumsum(counts) - counts
    for run in np.flatnonzero(runs.support == VENTILATION):
        s = runs.stay[run]
        begin = np.clip(-(-(runs.start[run] - first[s]) // HOUR), 0, counts[s])
        end = np.clip(-(-(runs.end[run] - first[s]) // HOUR), 0, counts[s])
        ventilated[start_of[s] + begin : start_of[s] + end] = True
    return Hours(
        stay=stay,
        time=time,
        of_day=time // HOUR % 24,
        q=q,
        sick=q[:, [CIRCULATORY, RESPIRATORY, RENAL]].mean(axis=1),
        patient=visits.patient[visit],
        ventilated=ventilated,
        charted=(in_unit < SPARSE_AFTER) | (time // HOUR % 2 == 0),
    )
