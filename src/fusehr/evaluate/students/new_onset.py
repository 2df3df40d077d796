"""How well what is new is predicted: classes that were not coded in any visit up to the index.

A patient who has a class will mostly have it again, so a copy of the diagnoses looks clever on all
samples. Here each class is scored on the samples that never had it; the copy says the same of all
of those, and is at 0.5.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.schemas import LABEL, PREDICTIONS
from fusehr.core.metrics import Array, Ranking, Weights
from fusehr.core.params.evaluate import ScoreParams
from fusehr.evaluate.outputs import FULL
from fusehr.evaluate.pairs import Value
from fusehr.evaluate.scoring.conditions import Condition, conditions
from fusehr.evaluate.scoring.labels import kept_labels
from fusehr.evaluate.scoring.resample import resamples
from fusehr.evaluate.scoring.scorers import Patients
from fusehr.evaluate.students.names import DIAGNOSES

NEW_ONSET = "new_onset_auroc"


def read_onsets(tables: Path) -> pd.DataFrame:
    """Samples by classes of next_diagnoses: whether the class was not coded up to the index."""
    path = tables / "label.parquet"
    label = read_parquet(path, LABEL, ["task", "sample_id", "class", "new_onset"])
    label = label[label["task"] == DIAGNOSES]
    if label["new_onset"].isna().any():
        raise InputError(f"{path}: column new_onset: expected a value for {DIAGNOSES}, found null")
    return label.pivot(index="sample_id", columns="class", values="new_onset")


def new_onset_auroc(predictions: Path, onsets: pd.DataFrame, params: ScoreParams) -> Value | str:
    """Macro AUROC on new onsets of test samples, its draws those of all scores; or why not.

    predictions: a file of schema PREDICTIONS; onsets: as read_onsets gives them. A class counts
    with enough patients of either label among the samples that it is scored on. `n` is the test
    fold's, of which each class takes its part.
    """
    frame = read_parquet(predictions, PREDICTIONS)
    frame = frame[(frame["task"] == DIAGNOSES) & (frame["variant"] == FULL)]
    if frame.empty:
        return "no predictions"
    (condition,) = conditions(frame, source=str(predictions))
    test, at_least = condition.test, params.min_label_patients
    asked = _asked(condition, onsets, str(predictions))  # (n, K)
    kept = [
        k
        for k, own in enumerate(asked.T)
        if kept_labels(test.labels[own][:, [k]], test.patients[own], at_least=at_least)[0]
    ]
    if not kept:
        return f"no class with {at_least} positive and {at_least} negative patients of new onset"
    people = Patients.of(test.patients)
    rankings = [
        Ranking(test.labels[rows, k], p[rows, k], owner=people.owner[rows])
        for k, rows in ((k, asked[:, k]) for k in kept)
        for p in test.probabilities
    ]

    def macro(weights: Array) -> Array:
        """Mean over classes and seeds (b,) under weights (patients, b); nan where one has none."""
        of = Weights(weights)
        return np.mean([r.values(of, ("auroc",))["auroc"] for r in rankings], axis=0)

    (value,) = macro(np.ones((people.count, 1), np.int32))
    draws = resamples(people.count, draws=params.bootstrap_draws, seed=params.seed)
    return Value(
        value=float(value),
        draws=np.concatenate([macro(weights) for weights in draws]),
        n=len(test.samples),
        n_patients=people.count,
        seeds=" ".join(map(str, condition.seeds)),
    )


def _asked(condition: Condition, onsets: pd.DataFrame, source: str) -> Array:
    """bool (n, K): where a class is new to the test sample if it comes."""
    found = onsets.reindex(index=condition.test.samples, columns=list(condition.classes))
    missing = found.isna().any(axis=1)
    if missing.any():
        raise InputError(
            f"{source}: column sample_id: expected samples and classes of label.parquet, found "
            f"{int(missing.sum())} samples that it lacks, the first {found.index[missing][0]}"
        )
    return found.to_numpy(dtype=bool)
