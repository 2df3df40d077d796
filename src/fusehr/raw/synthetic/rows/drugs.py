"""prescriptions: real drugs by phenotype and need, ordered when it was known, and home medications.

Hospitals mostly avoid what is contraindicated: where the general facts call a real drug so in a
condition that the visit truly has, there is no order of it. What is left of contraindicated pairs
is the planted one of exposed visits.

Home medications are the fictional drugs of latent/regimen.py, ordered within hours of admission.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.core.knowledge.facts import contraindicated
from fusehr.raw.synthetic.arrays import DAY, HOUR, MISSING, Bools, Ints
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.graph.edges import planted_graph
from fusehr.raw.synthetic.latent.regimen import draw_regimens
from fusehr.raw.synthetic.latent.supports import VASOPRESSOR, VENTILATION
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.keys import hadm_id, subject_id
from fusehr.raw.synthetic.vocabulary.conditions import COMORBIDITIES, NAMES, column
from fusehr.raw.synthetic.vocabulary.drugs import drugs, fictional_drugs

AGAIN = 0.06  # of home medications: ordered a second time later in the stay
STOPPED = 0.25  # of home medications: stopped before discharge


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
    ordered &= ~_avoided(world)
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
    # entered the wrong way round, as 4 % of the demo's are
    backwards = rng.random(len(visit)) < world.model.params.dirty_share
    stop = np.where(backwards, start - 6 * HOUR, stop)

    home = _home_medications(world)
    visit, drug, start, stop = (
        np.concatenate(parts) for parts in zip((visit, drug, start, stop), home, strict=True)
    )
    order = np.lexsort((stop, drug, start, visit))
    yield "hosp/prescriptions", _table(rng, world, *(x[order] for x in (visit, drug, start, stop)))


def _avoided(world: World) -> Bools:
    """(V, drugs) where a real drug is contraindicated in what the visit truly has."""
    names = (*NAMES, *COMORBIDITIES)
    conditions = world.patients.conditions[world.visits.patient]
    holds = np.concatenate([world.present, conditions], axis=1)  # (V, conditions)
    pairs = contraindicated()
    against = np.array([[(d.drug.lower(), name) in pairs for d in drugs()] for name in names])
    return holds @ against


def _home_medications(world: World) -> tuple[Ints, Ints, Ints, Ints]:
    """Visit, drug (after the real ones), start and stop of home medications.

    None is entered the wrong way round: such orders are dropped as broken, and exposure with them.
    """
    rng = world.stream("home medications")
    params, visits = world.model.params, world.visits
    regimens = draw_regimens(
        params, planted_graph(params.seed), world.block, visits, world.diseases
    )
    visit, start = regimens.visit, regimens.start
    stay = (visits.discharge[visit] - start) // HOUR  # hours
    share = np.where(rng.random(len(visit)) < STOPPED, rng.random(len(visit)), 1.0)
    stop = start + np.maximum(stay * share, 0).astype(np.int64) * HOUR
    # a second order follows the first, where hours are left
    later = start + (stay * rng.random(len(visit))).astype(np.int64) * HOUR
    again = np.flatnonzero((rng.random(len(visit)) < AGAIN) & (later > start))
    drug = len(drugs()) + regimens.drug
    return (
        np.concatenate([visit, visit[again]]),
        np.concatenate([drug, drug[again]]),
        np.concatenate([start, later[again]]),
        np.concatenate([stop, np.maximum(stop, later)[again]]),
    )


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
    orders = [d.order for d in (*drugs(), *fictional_drugs())]
    labels = [*(d.drug for d in drugs()), *(d.label for d in fictional_drugs())]
    columns = {
        name: words([order[name] or "" for order in orders], drug)
        for name in orders[0]
        if name != "doses_per_24_hrs"
    }
    daily = np.array([int(order["doses_per_24_hrs"] or MISSING) for order in orders])[drug]
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
            "drug": words(labels, drug),
            **columns,
            "doses_per_24_hrs": daily,
        },
    )
