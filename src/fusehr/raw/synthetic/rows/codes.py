"""diagnoses_icd: what was billed for each visit, in ICD-9 until September 2015, then in ICD-10."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic import identifiers as ids
from fusehr.raw.synthetic.arrays import MISSING, Ints
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.patients import YEAR
from fusehr.raw.synthetic.latent.truth import visit_ids
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows.keys import subject_id
from fusehr.raw.synthetic.vocabulary.conditions import (
    COMORBIDITIES,
    NAMES,
    diagnoses,
    lasting_diseases,
)
from fusehr.raw.synthetic.vocabulary.places import ICD10_FROM

CODED_OTHERS = 0.75  # chance that a visit's bill names a condition outside the 25
SECOND_CODE = 0.25  # chance of a second code for one phenotype
CODED_LASTING = 0.8  # chance that a visit's bill names one of the patient's lasting diseases
ALWAYS = "former_smoker"  # billed where nothing else is: every visit has a code


def icd_version(world: World, visit: Ints) -> Ints:
    """9 or 10, by the real date of the visit."""
    patient = world.visits.patient[visit]
    patients = world.patients
    years = (world.visits.start[visit] - patients.first_start[patient]) / YEAR
    return np.where(patients.real_year[patient] + years >= ICD10_FROM, 10, 9)


def _lasting(world: World) -> tuple[Ints, Ints]:
    """Visits, and rows of lasting_diseases() billed for them."""
    rng = world.stream("lasting codes")
    own = world.diseases[world.visits.patient]
    visit, position = (
        part.astype(np.int64) for part in np.nonzero(rng.random(own.shape) < CODED_LASTING)
    )
    return visit, 2 * own[visit, position] + (icd_version(world, visit) == 10)


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The one table of one block."""
    rng = world.stream("codes")
    visits = world.visits
    others = world.patients.conditions[visits.patient]
    others = others & (rng.random(others.shape) < CODED_OTHERS)
    coded = np.concatenate([world.billed, others], axis=1)
    names = (*NAMES, *COMORBIDITIES)
    coded[~coded.any(axis=1), names.index(ALWAYS)] = True
    visit, condition = (part.astype(np.int64) for part in np.nonzero(coded))
    version = icd_version(world, visit)
    codes = (*diagnoses(), *lasting_diseases())
    # rows of diagnoses.csv by condition and version
    found = {
        (name, v): [i for i, c in enumerate(codes) if c.condition == name and c.icd_version == v]
        for name in names
        for v in (9, 10)
    }
    count = np.array([[len(found[name, v]) for v in (9, 10)] for name in names])
    first = np.array([[found[name, v][0] for v in (9, 10)] for name in names])
    of = (condition, (version == 10).astype(np.int64))
    choice = np.minimum(rng.exponential(0.8, len(visit)).astype(np.int64), count[of] - 1)
    code = first[of] + choice
    twice = np.flatnonzero((rng.random(len(visit)) < SECOND_CODE) & (count[of] > 1))
    another = first[of][twice] + (choice[twice] + 1) % count[of][twice]
    lasting, lasting_code = _lasting(world)
    visit = np.concatenate([visit, visit[twice], lasting])
    code = np.concatenate([code, another, len(diagnoses()) + lasting_code])

    order = np.lexsort((rng.random(len(visit)), visit))
    visit, code = visit[order], code[order]
    hadm = visit_ids(world, visit)
    # of two contiguous admissions each bills about half; their union is the visit's
    again = (visits.again[visit] != MISSING) & (rng.random(len(visit)) < 0.5)
    second = ids.hadm_ids(
        world.patients.number[visits.patient[visit]], visits.order[visit], again=True
    )
    hadm = np.where(again, second, hadm)
    order = np.lexsort((hadm, visit))
    visit, code, hadm = visit[order], code[order], hadm[order]
    start = np.flatnonzero(np.diff(hadm, prepend=-1))
    nth = np.arange(len(hadm)) - np.repeat(start, np.diff(np.append(start, len(hadm))))
    yield (
        "hosp/diagnoses_icd",
        build(
            "hosp/diagnoses_icd",
            {
                "subject_id": subject_id(world, visit),
                "hadm_id": hadm,
                "seq_num": nth + 1,
                "icd_code": words([c.icd_code for c in codes], code),
                "icd_version": np.array([c.icd_version for c in codes])[code],
            },
        ),
    )
