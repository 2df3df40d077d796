"""Notes written from discharge codes: EMERGE's demo notes.

Diagnoses are coded after discharge, by who knows how the stay ended; coders add what the patient
died of. A note made of them predicts death at 48 hours from death itself. Here the outcome is
another patient's, so that nothing known at the index tells of it, and the codes get a cause of
death as coders would have given them one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from fusehr.core.gate.availability import attach_notes
from fusehr.core.metrics import Array
from fusehr.core.params.defects import DefectsParams, DischargeCodesParams
from fusehr.core.seeding import generator
from fusehr.evaluate.defects.bag import bag
from fusehr.evaluate.defects.estimate import Estimator
from fusehr.evaluate.defects.logistic import tried_on_others
from fusehr.evaluate.defects.patients import drawn_patients, from_other_patients
from fusehr.evaluate.defects.reading import patients_of, query, task_tables
from fusehr.evaluate.defects.rows import Comparison, Estimate, Row, skipped

NAME = "discharge_codes"
COMPARISON = Comparison(
    defect="notes written from discharge codes",
    system="EMERGE",
    published="codes_as_notes",
    repaired="notes_at_index",
    published_does="bag of the visit's own discharge diagnoses; logistic regression",
    repaired_does="bag of words of the notes written by the index; logistic regression",
)
TABLES = ("visits", "notes")
WORD = re.compile(r"[a-z]{2,}")


def rows(tables: Path, params: DefectsParams, estimator: Estimator) -> list[Row]:
    """Both versions on the source's samples of mortality."""
    with task_tables(tables, "mortality", TABLES, threads=params.threads) as (con, samples):
        attach_notes(con, samples.task)
        codes = [set(found) for found in query(con, "discharge_diagnoses.sql")["diagnoses"]]
        words = [set(WORD.findall(text)) for text in query(con, "notes_at_index.sql")["text"]]
    died = samples.labels[:, 0] if samples.classes else np.zeros(0, np.int8)
    return compare(codes, words, died, patients_of(samples), params, estimator)


def compare(
    codes: Sequence[Collection[str]],
    words: Sequence[Collection[str]],
    died: Array,
    patients: Array,
    params: DefectsParams,
    estimator: Estimator,
) -> list[Row]:
    """A model of the codes and one of the notes, of the same outcome.

    codes, words: of each sample, its visit's discharge diagnoses and its notes' words. died: 0/1
    (n,), the source's outcome; patients: (n,).
    """
    fitted = drawn_patients(patients, share=params.fitted_share, name=NAME, seed=params.seed)
    outcome = died[from_other_patients(patients, name=NAME, seed=params.seed)]
    coded = with_causes(codes, outcome, params.discharge_codes, seed=params.seed)

    def auroc(held: Sequence[Collection[str]], what: str) -> Estimate:
        if not any(held):
            return skipped(f"the source has no {what}")
        return tried_on_others(
            bag(held, fitted, min_share=params.logistic.min_share),
            outcome,
            patients,
            fitted,
            params=params.logistic,
            estimator=estimator,
        )

    return COMPARISON.rows(
        "notes and codes of the source; each death is another patient's, and coders add a cause of "
        f"death to {100 * params.discharge_codes.coded_share:g} % of the deaths",
        "auroc",
        "0.5",
        published=auroc(coded, "discharge diagnoses for this task"),
        repaired=auroc(words, "notes for this task"),
    )


def with_causes(
    codes: Sequence[Collection[str]], died: Array, of: DischargeCodesParams, *, seed: int
) -> list[set[str]]:
    """`codes` of each sample, with one of the causes of death added to a share of who died."""
    rng = generator("defects", NAME, "causes", seed)
    deaths = rng.permutation(np.flatnonzero(died == 1))
    told = deaths[: round(of.coded_share * len(deaths))]
    found = [set(own) for own in codes]
    for row, cause in zip(told, rng.choice(of.causes, size=len(told)), strict=True):
        found[row].add(str(cause))
    return found
