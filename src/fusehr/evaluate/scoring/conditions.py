"""Predictions as arrays: one condition is one task under one variant, all seeds together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import POSITIVE, TRIAGE_CLASSES, base
from fusehr.core.metrics import Array
from fusehr.evaluate.outputs import FULL

# Triage classes are ordered by urgency; those of next_diagnoses are read from the predictions, and
# any other task has one.
CLASSES = {"triage": TRIAGE_CLASSES}


@dataclass(frozen=True)
class Fold:
    """Labels and predicted probabilities of n samples, K classes, S seeds.

    samples (n,) str; patients (n,) int; labels (n, K) 0/1; probabilities (S, n, K).
    """

    samples: Array
    patients: Array
    labels: Array
    probabilities: Array


@dataclass(frozen=True)
class Condition:
    """Test and validation fold of one task under one variant; `val` may have no samples."""

    task: str
    variant: str
    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    split_sha: str
    test: Fold
    val: Fold

    @property
    def kind(self) -> str:
        """`binary`, `multiclass` (exactly one of the ordered classes) or `multilabel`."""
        return {"triage": "multiclass", "next_diagnoses": "multilabel"}.get(
            base(self.task), "binary"
        )

    @property
    def whole(self) -> bool:
        """Nothing is withheld: every metric is of interest, and not only those of the board."""
        return self.variant == FULL

    def digest(self) -> str:
        """Hash of the test samples and their labels, to tell that two recipes met the same."""
        text = "\n".join(map(str, self.test.samples)) + "\n" + "\n".join(self.classes)
        labels = np.ascontiguousarray(self.test.labels, dtype=np.int8)
        return hashlib.sha256(text.encode() + labels.tobytes()).hexdigest()[:16]


def conditions(frame: pd.DataFrame, *, source: str) -> Iterator[Condition]:
    """Each (task, variant) of a predictions table, in order.

    Raises InputError, naming `source`, where a sample lacks a class, where seeds disagree about
    samples or labels, or where a task has no test sample.
    """
    for (task, variant), part in frame.groupby(["task", "variant"], sort=True):
        where = f"{source}: {task}, variant {variant}"
        shas = part["split_sha"].unique()
        if len(shas) != 1:
            raise InputError(f"{where}: column split_sha: expected one split, found {len(shas)}")
        names = set(part["class"].unique())
        several = base(str(task)) == "next_diagnoses"
        expected = tuple(sorted(names)) if several else (POSITIVE,)
        classes = CLASSES.get(base(str(task)), expected)
        if names != set(classes):
            raise InputError(f"{where}: column class: expected {classes}, found {sorted(names)}")
        seeds = tuple(int(seed) for seed in sorted(part["seed"].unique()))
        folds = {
            fold: _fold(part[part["fold"] == fold], classes, seeds, f"{where}, fold {fold}")
            for fold in ("test", "val")
        }
        if len(folds["test"].samples) == 0:
            raise InputError(f"{where}: column fold: expected test samples, found none")
        yield Condition(
            str(task), str(variant), classes, seeds, str(shas[0]), folds["test"], folds["val"]
        )


def _fold(part: pd.DataFrame, classes: tuple[str, ...], seeds: tuple[int, ...], where: str) -> Fold:
    number = {name: k for k, name in enumerate(classes)}
    part = part.assign(number=part["class"].map(number).astype(np.int64))
    part = part.sort_values(["seed", "sample_id", "number"], kind="stable")
    size = (len(seeds), len(part) // (len(seeds) * len(classes)), len(classes))  # (S, n, K)
    regular = len(part) == np.prod(size)
    if regular:
        samples = part["sample_id"].to_numpy(object).reshape(size)
        labels = part["y"].to_numpy().reshape(size)
        patients = part["patient_id"].to_numpy().reshape(size)
        regular = (
            np.array_equal(part["number"].to_numpy().reshape(size), _tile(np.arange(size[2]), size))
            and np.array_equal(samples, _tile(samples[:1, :, :1], size))
            and np.array_equal(labels, _tile(labels[:1], size))
            and np.array_equal(patients, _tile(patients[:1, :, :1], size))
        )
    if not regular:
        raise InputError(
            f"{where}: column sample_id: expected every sample once a seed and class, with the "
            "same label and patient for all seeds; found otherwise"
        )
    if classes == TRIAGE_CLASSES and not np.all(labels[0].sum(-1) == 1):
        raise InputError(f"{where}: column y: expected exactly one class a sample")
    return Fold(
        samples=samples[0, :, 0],
        patients=patients[0, :, 0],
        labels=labels[0],
        probabilities=part["p"].to_numpy(float).reshape(size),
    )


def _tile(values: Array, size: tuple[int, ...]) -> Array:
    return np.broadcast_to(values, size)
