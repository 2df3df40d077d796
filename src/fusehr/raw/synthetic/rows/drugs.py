"""prescriptions: drugs by phenotype and by what the patient needed, ordered when it was known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import DAY, HOUR, MISSING, Bools, Ints
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.supports import VASOPRESSOR, VENTILATION
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.keys import hadm_id, subject_id
from fusehr.raw.synthetic.vocabulary.conditions import column
from fusehr.raw.synthetic.vocabulary.drugs import drugs


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The one table of one block, sorted by visit and time."""
    rng = world.stream("drugs")
    visits = world.visits
    n = len(visits)
    listed = drugs()
    pressor, tube = (_first_begin(world, s) for s in (VASOPRESSOR, VENTILATION))
    icu = visits.icu_in != MISSING
    holds: dict[str, Bools] = {
        "any": np.ones(n, dtype=bool),
        "icu": icu,
        "vasopressor": pressor != MISSING,
        "ventilation": tube != MISSING,
    }
    reasons = [
        holds[d.reason] if d.reason in holds else world.present[:, column(d.reason)] for d in listed
    ]
    ordered = rng.random((n, len(listed))) < np.stack(reasons, axis=1) * [d.chance for d in listed]
    visit, drug = (part.astype(np.int64) for part in np.nonzero(ordered))

    reason = np.array([d.reason for d in listed])[drug]
    # a third of the orders are written on admission, the others in the first two days
    wait = np.where(rng.random(len(visit)) < 0.35, 1.5, 40.0) * rng.random(len(visit))
    begin = np.select(
        [reason == "vasopressor", reason == "ventilation", reason == "icu"],
        [pressor[visit], tube[visit], visits.icu_in[visit]],
        visits.admit[visit],
    )
    begin = begin + np.where(
        np.isin(reason, ("vasopressor", "ventilation")), 0, wait * HOUR
    ).astype(np.int64)
    start = -(-begin // HOUR) * HOUR  # on the hour, and never before the reason
    length = DAY * rng.gamma(1.3, 2.0, len(visit)) + HOUR
    stop = np.minimum(start + length.astype(np.int64), visits.discharge[visit]) // HOUR * HOUR
    kept = start < visits.discharge[visit]
    visit, drug, start, stop = (x[kept] for x in (visit, drug, start, stop))
    stop = np.maximum(stop, start)
    order = np.lexsort((drug, start, visit))
    visit, drug, start, stop = (x[order] for x in (visit, drug, start, stop))
    # entered the wrong way round, as 4 % of the demo's are
    backwards = rng.random(len(visit)) < world.model.params.dirty_share
    stop = np.where(backwards, start - 6 * HOUR, stop)
    yield "hosp/prescriptions", _table(rng, world, visit, drug, start, stop)


def _first_begin(world: World, support: int) -> Ints:
    """(V,) when a support first ran in the unit, or MISSING."""
    runs = world.runs
    first = np.full(len(world.visits), MISSING)
    rows = np.flatnonzero(runs.support == support)[::-1]  # sorted by stay and start: the first wins
    first[world.stays.visit[runs.stay[rows]]] = runs.start[rows]
    return first


def _table(
    rng: np.random.Generator, world: World, visit: Ints, drug: Ints, start: Ints, stop: Ints
) -> pa.Table:
    n = len(visit)
    patient = world.visits.patient[visit]
    subject = subject_id(world, visit)
    nth = 3 * (np.arange(n) - np.searchsorted(patient, patient, side="left")) + 10
    listed = drugs()
    columns = {
        name: words([d.order[name] or "" for d in listed], drug)
        for name in listed[0].order
        if name != "doses_per_24_hrs"
    }
    daily = np.array([int(d.order["doses_per_24_hrs"] or MISSING) for d in listed])[drug]
    return build(
        "hosp/prescriptions",
        {
            "subject_id": subject,
            "hadm_id": hadm_id(world, visit, start),
            "pharmacy_id": (world.block * 1_000_003 + rng.permutation(n)) % 98_000_000 + 1_000_000,
            "poe_id": [f"{s}-{k}" for s, k in zip(subject, nth, strict=True)],
            "poe_seq": nth,
            "starttime": start,
            "stoptime": stop,
            "drug_type": "MAIN",
            "drug": words([d.drug for d in listed], drug),
            **columns,
            "doses_per_24_hrs": daily,
        },
    )
