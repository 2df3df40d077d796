"""chartevents: what nurses chart at the bedside, hour by hour (see physiology.py).

Each reading has noise of its own. When there is a reading at all is in chart.py.
"""

from __future__ import annotations

import numpy as np

from fusehr.raw.synthetic.arrays import Bools, Floats
from fusehr.raw.synthetic.latent.severity import CIRCULATORY, RESPIRATORY, THERMAL
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows import physiology as body
from fusehr.raw.synthetic.rows.chart import Chart, Charted, Hours, full_hours
from fusehr.raw.synthetic.rows.keys import body_offsets
from fusehr.raw.synthetic.vocabulary import bedside as item
from fusehr.raw.synthetic.vocabulary.conditions import column

CELSIUS_SHARE = 0.12  # of stays
# lasting spread between patients
OWN = {"heart_rate": 3.0, "mean_pressure": 2.5, "oxygen": 0.08}


WORDS = (
    *item.EYE_WORDS,
    *item.VERBAL_WORDS,
    *item.MOTOR_WORDS,
    *item.REFILL_WORDS,
    item.VENTILATED_WORDS,
)
_EYE, _VERBAL, _MOTOR, _REFILL, _TUBE = np.cumsum([0, 4, 5, 6, 2])


def draw(world: World) -> Charted:
    """All bedside values of a block, unsorted; none at or after the end of the stay."""
    rng = world.stream("vitals")
    hours = full_hours(world)
    chart = Chart(rng, hours)
    arterial_line = has_arterial_line(world)[hours.stay]
    _breathing_and_pulse(world, chart, hours)
    _pressure(world, chart, hours, arterial_line)
    _temperature(rng, chart, hours)
    _consciousness(chart, hours)
    _chemistry(world, chart, hours, arterial_line)
    charted = chart.joined()
    inside = charted.time < world.stays.outtime[charted.stay]
    return Charted(**{name: getattr(charted, name)[inside] for name in vars(charted)})


def has_arterial_line(world: World) -> Bools:
    """(S,) stays with an arterial line: more often in circulatory failure."""
    mark = world.stream("arterial").random(len(world.stays))
    return mark < 1 / (1 + np.exp(0.6 - 0.8 * world.stays.q[:, 0, CIRCULATORY]))


def _breathing_and_pulse(world: World, chart: Chart, hours: Hours) -> None:
    own = body_offsets(world, "pulse", OWN)
    rows = chart.rows(0.92)
    q, time = hours.q[rows], chart.time(rows)
    pulse = body.pulse(q) + own["heart_rate"][hours.patient[rows]] + 8 * chart.noise(rows)
    chart.add(rows, time, item.HEART_RATE, np.clip(np.round(pulse), 25, 230))
    rate = np.round(body.breaths(q) + 3 * chart.noise(rows))
    chart.add(rows, time, item.RESPIRATORY_RATE, np.clip(rate, 4, 60))
    rows = chart.rows(0.9)
    lack = body.log_desaturation(hours.q[rows]) + own["oxygen"][hours.patient[rows]]
    saturation = body.desaturated(lack + 0.4 * chart.noise(rows))
    chart.add(rows, chart.time(rows), item.SPO2, saturation)


def _pressure(world: World, chart: Chart, hours: Hours, arterial_line: Bools) -> None:
    own = body_offsets(world, "pulse", OWN)["mean_pressure"]
    stiff = world.present[:, column("essential_hypertension")][world.stays.visit]
    cuff_hour = ~arterial_line | (hours.of_day % 4 == 0)
    for items, when in ((item.CUFF, cuff_hour), (item.ARTERIAL, arterial_line)):
        rows = chart.rows(0.88, when)
        q = hours.q[rows]
        mean = body.mean_pressure(q) + own[hours.patient[rows]]
        mean = mean + 2 * stiff[hours.stay[rows]] + 7 * chart.noise(rows)
        width = np.clip(body.pulse_pressure(q) + 6 * chart.noise(rows), 14, 120)
        time = chart.time(rows)
        for itemid, part in zip(items, (0.62, -0.38, 0.0), strict=True):
            chart.add(rows, time, itemid, np.clip(np.round(mean + part * width), 20, 260))


def _temperature(rng: np.random.Generator, chart: Chart, hours: Hours) -> None:
    """Every four hours, every two where it is abnormal; a few units chart in Celsius."""
    abnormal = np.abs(hours.q[:, THERMAL]) > 1.5
    rows = chart.rows(0.9, (hours.of_day % 4 == 0) | (abnormal & (hours.of_day % 2 == 0)))
    celsius: Floats = body.celsius(hours.q[rows]) + 0.17 * chart.noise(rows)
    in_celsius = rng.random(int(hours.stay.max(initial=0)) + 1) < CELSIUS_SHARE
    metric = in_celsius[hours.stay[rows]]
    value = np.where(metric, celsius, celsius * 1.8 + 32).astype(np.float64).round(1)
    chart.add(rows, chart.time(rows), np.where(metric, item.CELSIUS, item.FAHRENHEIT), value)


def _consciousness(chart: Chart, hours: Hours) -> None:
    """Glasgow coma scale every four hours, capillary refill every eight."""
    rows = chart.rows(0.92, hours.of_day % 4 == 0)
    q, time = hours.q[rows], chart.time(rows)
    clouded = body.clouding(q) + 0.35 * chart.noise(rows)
    eye = 4 - (clouded[:, None] > [0.7, 1.4, 2.0]).sum(axis=1)
    verbal = 5 - (clouded[:, None] > [0.5, 1.0, 1.5, 1.9]).sum(axis=1)
    motor = 6 - (clouded[:, None] > [1.0, 1.6, 2.1, 2.5, 2.8]).sum(axis=1)
    tube = hours.ventilated[rows]
    verbal = np.where(tube, 1, verbal)
    chart.add(rows, time, item.EYE, eye.astype(float), _EYE + eye - 1)
    said = np.where(tube, _TUBE, _VERBAL + verbal - 1)
    chart.add(rows, time, item.VERBAL, verbal.astype(float), said)
    chart.add(rows, time, item.MOTOR, motor.astype(float), _MOTOR + motor - 1)
    rows = chart.rows(0.85, hours.of_day % 8 == 0)
    slow = (hours.q[rows, 0] + 0.6 * chart.noise(rows) > 1.3).astype(np.int64)
    nothing = np.full(len(rows), np.nan)
    time = chart.time(rows)
    chart.add(rows, time, item.REFILL_RIGHT, nothing, _REFILL + slow)
    chart.add(rows, time, item.REFILL_LEFT, nothing, _REFILL + slow)


def _chemistry(world: World, chart: Chart, hours: Hours, arterial_line: Bools) -> None:
    """Oxygen given, glucose, arterial pH, and the body's measures on admission."""
    oxygen = hours.ventilated | (hours.q[:, RESPIRATORY] > 1.0)
    rows = chart.rows(0.85, oxygen & (hours.of_day % 4 == 0))
    share = body.oxygen(hours.q[rows]) + 4 * chart.noise(rows)
    chart.add(rows, chart.time(rows), item.FIO2, np.clip(5 * np.round(share / 5), 25, 100))

    visit = world.stays.visit
    names = ("diabetes_with_complications", "diabetes_without_complication")
    diabetic = np.any([world.present[visit, column(name)] for name in names], axis=0)[hours.stay]
    for itemid, when in (
        (item.FINGER_GLUCOSE, (hours.of_day % 6 == 0) & (diabetic | (hours.sick > 0.3))),
        (item.SERUM_GLUCOSE, hours.of_day == 4),
    ):
        rows = chart.rows(0.8, when)
        log = body.log_glucose(hours.q[rows]) + 0.26 * diabetic[rows] + 0.17 * chart.noise(rows)
        glucose: Floats = np.round(np.exp(log))
        chart.add(rows, chart.time(rows), itemid, glucose)
    rows = chart.rows(0.6, (arterial_line | hours.ventilated) & (hours.of_day % 8 == 2))
    ph = body.acidity(hours.q[rows]) + 0.025 * chart.noise(rows)
    chart.add(rows, chart.time(rows), item.ARTERIAL_PH, np.round(ph, 2))

    first = np.flatnonzero(np.diff(hours.stay, prepend=-1))
    patient, patients = hours.patient[first], world.patients
    mark = world.stream("measured").random((4, len(first)))
    inches = patients.centimetres[patient] / 2.54
    for itemid, value, keep in (
        (item.KILOGRAMS, patients.kilograms[patient], mark[0] < 0.92),
        (item.POUNDS, patients.kilograms[patient] / 0.45359237, mark[1] < 0.6),
        (item.INCHES, np.round(inches), mark[2] < 0.55),
        (item.CENTIMETRES, np.round(np.round(inches) * 2.54), mark[2] < 0.55),
    ):
        chart.add(first[keep], hours.time[first[keep]], itemid, np.round(value[keep], 1))
