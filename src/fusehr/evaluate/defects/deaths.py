"""Deaths in hospital counted as readmissions: about three quarters of EMERGE's positives.

Who dies does not come back. What is called a readmission model is then for the most part one of
death, which vitals tell far better.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fusehr.core.gate.availability import attach_events
from fusehr.core.metrics import Array
from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.estimate import Estimator
from fusehr.evaluate.defects.logistic import tried_on_others
from fusehr.evaluate.defects.patients import drawn_patients, from_other_patients
from fusehr.evaluate.defects.reading import patients_of, query, task_tables
from fusehr.evaluate.defects.rows import Comparison, Estimate, Row, skipped
from fusehr.models.networks.inputs.series import SeriesScaler, load_bins

NAME = "deaths"
COMPARISON = Comparison(
    defect="deaths in hospital counted as readmissions",
    system="EMERGE",
    published="readmission_or_death",
    repaired="readmission",
    published_does="death during the stay is a positive; logistic regression on last vitals",
    repaired_does="stays that end in death are left out; logistic regression on last vitals",
)
TABLES = ("dynamic", "visits", "label")


def rows(tables: Path, params: DefectsParams, estimator: Estimator) -> list[Row]:
    """Both versions on the source's ICU stays, seen up to the index of mortality."""
    with task_tables(tables, "mortality", TABLES, threads=params.threads) as (con, samples):
        attach_events(con, samples.task)
        hours = load_bins(
            con, len(samples.samples), variables=params.vitals, hours=params.deaths.hours
        )
        found = query(con, "deaths.sql")
    return compare(
        hours[found["sample_row"]],
        found["died"].astype(bool),
        found["readmitted"].astype(np.int8),
        patients_of(samples)[found["sample_row"]],
        params,
        estimator,
    )


def compare(
    hours: Array,
    died: Array,
    readmitted: Array,
    patients: Array,
    params: DefectsParams,
    estimator: Estimator,
) -> list[Row]:
    """The share of positives that are deaths, and a model's score: on the source's readmissions,
    and on readmissions of other patients, which nothing in the vitals tells of.

    hours: float32 (n, hours, n_variables), nan where not charted. died: bool (n,). readmitted: 0/1
    (n,), 0 where died. patients: (n,).
    """
    fitted = drawn_patients(patients, share=params.fitted_share, name=NAME, seed=params.seed)
    alive = np.flatnonzero(~died)
    if not fitted.any() or not len(alive):
        none = skipped("no ICU stay of that length that a patient left alive")
        return COMPARISON.rows(
            "ICU stays of the source", "auroc", "", published=none, repaired=none
        )
    features = last_values(hours, fitted, clip_share=params.clip_share)
    taken = from_other_patients(patients[alive], name=NAME, seed=params.seed)
    strangers = readmitted.copy()
    strangers[alive] = readmitted[alive[taken]]

    def auroc(positive: Array, counted: Array) -> Estimate:
        return tried_on_others(
            features[counted],
            positive[counted].astype(np.int8),
            patients[counted],
            fitted[counted],
            params=params.logistic,
            estimator=estimator,
        )

    everyone = np.arange(len(died))
    positive = died | (readmitted == 1)
    found = COMPARISON.rows(
        "ICU stays of the source",
        "share of positives that are deaths",
        "0",
        published=estimator.share(died[positive], patients[positive]),
        repaired=estimator.share(died[positive & ~died], patients[positive & ~died]),
    )
    for returns, data, expected in (
        (readmitted, "ICU stays of the source", ""),
        (strangers, "ICU stays of the source; each readmission is another patient's", "0.5"),
    ):
        found += COMPARISON.rows(
            data,
            "auroc",
            expected,
            published=auroc(died | (returns == 1), everyone),
            repaired=auroc(returns == 1, alive),
        )
    return found


def last_values(hours: Array, fitted: Array, *, clip_share: float) -> Array:
    """Features float64 (n, 2 * n_variables): each last value, scaled by the fitted samples, 0 where
    there is none; and whether there is one.
    """
    scaler = SeriesScaler.fit(hours[fitted], clip_share=clip_share)
    charted = ~np.isnan(hours)  # (n, hours, v)
    last = hours.shape[1] - 1 - charted[:, ::-1].argmax(axis=1)  # (n, v)
    values = np.take_along_axis(hours, last[:, None], axis=1)[:, 0]  # (n, v)
    ever = charted.any(axis=1)  # (n, v)
    scaled = np.where(ever, (values - scaler.mean) / scaler.std, 0.0)
    return np.concatenate([scaled, ever], axis=1, dtype=np.float64)
