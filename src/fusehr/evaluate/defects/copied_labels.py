"""Current diagnoses copied as next diagnoses: 70 % of CKD-EHR's rows.

A visit without a next one was given its own diagnoses to predict, and those stand in its input.
Whoever repeats the input is right on such rows, whatever a next visit brings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fusehr.core.metrics import Array
from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.estimate import Estimator
from fusehr.evaluate.defects.patients import from_other_patients
from fusehr.evaluate.defects.reading import patients_of, query, task_tables
from fusehr.evaluate.defects.rows import Comparison, Estimate, Row, skipped

NAME = "copied_labels"
COMPARISON = Comparison(
    defect="current diagnoses copied as next diagnoses",
    system="CKD-EHR",
    published="repeat_diagnoses_copied_labels",
    repaired="repeat_diagnoses",
    published_does="input's diagnoses repeated; a visit without a next one has its own as labels",
    repaired_does="input's diagnoses repeated; a visit without a next one is left out",
)


@dataclass(frozen=True)
class Visits:
    """Diagnoses of visits, 0/1 (n, c) in all, and their patients, (n,).

    current, following: of visits that have a next one, theirs and that one's. last: of visits
    without a next one.
    """

    current: Array
    following: Array
    patients: Array
    last: Array
    last_patients: Array


def rows(tables: Path, params: DefectsParams, estimator: Estimator) -> list[Row]:
    """Both versions on the source's visits."""
    return compare(read_visits(tables, threads=params.threads), params, estimator)


def compare(visits: Visits, params: DefectsParams, estimator: Estimator) -> list[Row]:
    """How many labels are the input, and what repeating the input scores: on the source's labels,
    and where each next visit is another patient's, so that nothing in the input tells of it.
    """
    if not len(visits.current):
        none = skipped("no visit with a next one")
        return COMPARISON.rows(
            "diagnoses of the source", "macro auroc", "", published=none, repaired=none
        )
    taken = from_other_patients(visits.patients, name=NAME, seed=params.seed)
    strangers = replace(visits, following=visits.following[taken])
    equal = COMPARISON.rows(
        "diagnoses of the source",
        "share of rows whose labels are the input's own diagnoses",
        "",
        published=_equal(_with_copies(visits), estimator),
        repaired=_equal(visits, estimator),
    )
    found = [
        COMPARISON.rows(
            data,
            "macro auroc",
            expected,
            published=_repeated(_with_copies(of), estimator),
            repaired=_repeated(of, estimator),
        )
        for of, data, expected in (
            (visits, "diagnoses of the source", ""),
            (strangers, "diagnoses of the source; each next visit is another patient's", "0.5"),
        )
    ]
    return [row for part in (equal, *found) for row in part]


def read_visits(tables: Path, *, threads: int) -> Visits:
    """Coded visits of the source with the phenotypes that are the classes of next_diagnoses."""
    names = ("visits",)
    with task_tables(tables, "next_diagnoses", names, threads=threads) as (con, samples):
        current, last = query(con, "current_phenotypes.sql"), query(con, "last_phenotypes.sql")
    known = {name: k for k, name in enumerate(samples.classes)}
    return Visits(
        current=_indicators(current["phenotypes"], known),
        following=samples.labels,
        patients=patients_of(samples),
        last=_indicators(last["phenotypes"], known),
        last_patients=last["patient_id"],
    )


def _indicators(phenotypes: Array, known: dict[str, int]) -> Array:
    """0/1 int8 (n, c) of lists of names (n,); a source without samples has no classes to name."""
    found = np.zeros((len(phenotypes), len(known)), np.int8)
    if known:
        for row, names in enumerate(phenotypes):
            found[row, [known[name] for name in names]] = 1
    return found


def _with_copies(visits: Visits) -> Visits:
    """As published: the last visits too, each followed by itself."""
    return Visits(
        current=np.concatenate([visits.current, visits.last]),
        following=np.concatenate([visits.following, visits.last]),
        patients=np.concatenate([visits.patients, visits.last_patients]),
        last=visits.last[:0],
        last_patients=visits.last_patients[:0],
    )


def _equal(visits: Visits, estimator: Estimator) -> Estimate:
    equal = np.all(visits.current == visits.following, axis=1)
    return estimator.share(equal, visits.patients)


def _repeated(visits: Visits, estimator: Estimator) -> Estimate:
    return estimator.auroc(visits.following, visits.current.astype(float), visits.patients)
