"""microbiologyevents: cultures of the feverish and the cold, and what grew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import DAY, MINUTE, MISSING, choose, spread
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.severity import THERMAL
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.keys import hadm_id, subject_id
from fusehr.raw.synthetic.vocabulary import cultures as c
from fusehr.raw.synthetic.vocabulary.conditions import column

ORGANISM_SHARES = np.array([0.33, 0.22, 0.17, 0.12, 0.09, 0.07])
NO_TIME = 0.03  # of cultures: the day is known, the time is not
PER_PATIENT = 4000  # ids kept for one patient's rows


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The one table of one block: a row a culture, or a row an antibiotic tested on what grew."""
    rng = world.stream("cultures")
    visits = world.visits
    icu = visits.icu_in != MISSING
    fever = np.abs(visits.path[:, 12, THERMAL])
    septic = world.present[:, column("septicemia")]
    lungs = world.present[:, column("pneumonia")]
    mean = np.stack(
        [
            0.25 + 0.35 * fever + 1.2 * septic,
            0.4 + 0.2 * fever + 0.3 * septic,
            0.05 + 0.9 * lungs + 0.1 * icu,
            0.65 * icu,
        ],
        axis=1,
    )
    counts = np.minimum(rng.poisson(mean), 6)
    cell, _ = spread(counts.ravel())
    visit, kind = cell // len(c.CULTURES), cell % len(c.CULTURES)
    # most in the first day; how long the visit will last plays no part
    early = 4 * DAY * rng.random(len(visit)) ** 2
    time = (visits.start[visit] + early).astype(np.int64) // MINUTE * MINUTE + MINUTE
    order = np.lexsort((time, visit))
    order = order[(time < visits.discharge[visit])[order]]
    visit, kind, time = visit[order], kind[order], time[order]

    chance = np.array([culture.chance for culture in c.CULTURES])[kind]
    grows = rng.random(len(visit)) < np.minimum(chance * (1 + 1.5 * septic[visit]), 0.9)
    organism = choose(rng, ORGANISM_SHARES, len(visit))
    organism = np.where(kind == c.SCREEN, c.AUREUS, organism)
    days = np.where(grows, 2.2, 1.6) + 3 * rng.random(len(visit))
    stored = time + (days * DAY).astype(np.int64) // MINUTE * MINUTE

    tested = grows & (organism != c.YEAST) & (kind != c.SCREEN)
    row, drug = spread(np.where(tested, len(c.ANTIBIOTICS), 1))
    on = tested[row]
    resists = rng.random(len(row)) < np.array([a[2] for a in c.ANTIBIOTICS])[drug]
    visit, kind, time, stored = (x[row] for x in (visit, kind, time, stored))
    grows, organism = grows[row], organism[row]
    timed = (rng.random(row.max(initial=0) + 1) >= NO_TIME)[row]
    patient = visits.patient[visit]
    number = world.patients.number[patient]
    nth = np.arange(len(row)) - np.searchsorted(patient, patient, side="left")
    grown = np.where(grows, organism, MISSING)
    given = np.where(on, drug, MISSING)
    yield (
        "hosp/microbiologyevents",
        build(
            "hosp/microbiologyevents",
            {
                "microevent_id": number * PER_PATIENT + nth + 1,
                "subject_id": subject_id(world, visit),
                "hadm_id": hadm_id(world, visit, time),
                "micro_specimen_id": number * PER_PATIENT
                + row
                - row[np.searchsorted(patient, patient)],
                "chartdate": time // DAY * DAY,
                "charttime": np.where(timed, time, MISSING),
                "spec_itemid": np.array([x.spec_itemid for x in c.CULTURES])[kind],
                "spec_type_desc": words([x.spec_type_desc for x in c.CULTURES], kind),
                "test_seq": np.ones(len(row)),
                "storedate": stored // DAY * DAY,
                "storetime": stored,
                "test_itemid": np.array([x.test_itemid for x in c.CULTURES])[kind],
                "test_name": words([x.test_name for x in c.CULTURES], kind),
                "org_itemid": np.where(
                    grows, np.array([o[0] for o in c.ORGANISMS])[organism], MISSING
                ),
                "org_name": words([o[1] for o in c.ORGANISMS], grown),
                "isolate_num": np.where(grows, 1, MISSING),
                "ab_itemid": np.where(on, np.array([a[0] for a in c.ANTIBIOTICS])[drug], MISSING),
                "ab_name": words([a[1] for a in c.ANTIBIOTICS], given),
                "interpretation": words(("S", "R"), np.where(on, resists, MISSING)),
                "comments": words([x.nothing for x in c.CULTURES], np.where(grows, MISSING, kind)),
            },
        ),
    )
