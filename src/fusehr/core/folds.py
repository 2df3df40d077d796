"""Which rows train, validate and test in each round, and whether a task can be trained at all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from fusehr.core.cohort import Round, TaskSamples

# A triage sample is an ED visit with a recorded acuity, and there is no other way to lack one.
NO_SAMPLES = {"triage": "no samples: the source has no ED visits with an acuity"}


@dataclass(frozen=True)
class Fold:
    """Rows of one round, int64 and ascending. `train` has no sample with train_use false.

    again: what may be fitted on once validation rows have said when to stop, `train` and those of
    `val` with train_use. What was fitted on them must not predict `val`.
    """

    name: str
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    again: np.ndarray


def fold_rows(samples: TaskSamples, rounds: list[Round]) -> list[Fold]:
    """Rows of each round; samples with train_use false are predicted but never trained on."""
    patients = samples.samples["patient_id"].to_numpy()
    usable = samples.samples["train_use"].to_numpy(dtype=bool)
    return [
        Fold(
            name=one.name,
            train=np.flatnonzero(_among(patients, one.train) & usable),
            val=np.flatnonzero(_among(patients, one.val)),
            test=np.flatnonzero(_among(patients, one.test)),
            again=np.flatnonzero(_among(patients, one.train | one.val - one.spared) & usable),
        )
        for one in rounds
    ]


def _among(patients: np.ndarray, members: Collection[int]) -> np.ndarray:
    return np.isin(patients, np.fromiter(members, dtype=np.int64, count=len(members)))


def untrainable(samples: TaskSamples, folds: list[Fold]) -> str | None:
    """Why no recipe can be trained and tested on the task; None where one can.

    Asked of every recipe alike, so that all of them stand on the same tasks.
    """
    if not len(samples.samples):
        return NO_SAMPLES.get(samples.task, "no samples: the source has none of this task")
    for fold in folds:
        where = "" if len(folds) == 1 else f" of round {fold.name}"
        for part, rows in (("train", fold.train), ("validation", fold.val), ("test", fold.test)):
            if not len(rows):
                return f"{part} fold{where} has no samples"
        if reason := _one_class(samples.labels[fold.train]):
            return f"train fold{where} has one class: {reason}"
    tested = np.concatenate([fold.test for fold in folds])
    if reason := _one_class(samples.labels[tested]):
        return f"test folds have one class: {reason}"
    return None


def _one_class(labels: np.ndarray) -> str | None:
    """labels (n, classes): None where any class is present in some samples and absent in others."""
    positive = labels.sum(axis=0)
    if ((positive > 0) & (positive < len(labels))).any():
        return None
    return f"n positive {positive.max()} of {len(labels)}"
