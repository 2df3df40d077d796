"""Samples with their labels, and who trains, validates and tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet, sha256_of
from fusehr.core.frame.schemas import LABEL, SAMPLES, SPLITS
from fusehr.core.frame.tasks import TASKS, Task, base, in_order


@dataclass(frozen=True)
class TaskSamples:
    """Samples of one task, row i of `labels` belonging to row i of `samples`.

    samples: one row a sample (columns of the samples table), sorted by sample_id.
    classes: class names; one, `positive`, for a binary task.
    labels: int8 (n_samples, n_classes) of 0 and 1.
    new_onset: bool (n_samples, n_classes), next_diagnoses only: not coded up to the index.
    """

    task: Task
    samples: pd.DataFrame
    classes: tuple[str, ...]
    labels: np.ndarray
    new_onset: np.ndarray | None

    @property
    def kind(self) -> str:
        """`binary`, `multiclass` (triage, exactly one class) or `multilabel` (next_diagnoses)."""
        if len(self.classes) == 1:
            return "binary"
        return "multiclass" if base(self.task) == "triage" else "multilabel"


@dataclass(frozen=True)
class Round:
    """One division of the patients. A plain split has one round, cross-validation one per fold.

    spared: those of `val` that nothing may be fitted on, also when stopping has been decided.
    """

    name: str
    train: frozenset[int]
    val: frozenset[int]
    test: frozenset[int]
    spared: frozenset[int] = frozenset()


def load_task(tables: Path, task: Task) -> TaskSamples:
    """Samples and labels of `task`; no rows where the source has none (then no classes either).

    Raises InputError where it has none and the task is not one of MIMIC's either.
    """
    every = read_parquet(tables / "samples.parquet", SAMPLES)
    samples = every[every["task"] == task].sort_values("sample_id", ignore_index=True)
    if samples.empty and task not in TASKS:
        raise InputError(
            f"{tables}/samples.parquet: column task: expected {task}, found "
            f"{', '.join(in_order(every['task'])) or 'no sample'}; tasks are named in train.tasks, "
            "horizons made by tables.horizons"
        )
    label = read_parquet(tables / "label.parquet", LABEL)
    # classes named outcome/... are kept beside a task's label, and are not what it predicts
    label = label[(label["task"] == task) & ~label["class"].str.startswith("outcome/")]
    wide = label.pivot(index="sample_id", columns="class", values="label_value")
    if not wide.index.equals(pd.Index(samples["sample_id"])) or wide.isna().any(axis=None):
        raise InputError(f"{tables}/label.parquet: column sample_id: expected each {task} sample's")
    onset = label.pivot(index="sample_id", columns="class", values="new_onset")
    return TaskSamples(
        task=task,
        samples=samples,
        classes=tuple(map(str, wide.columns)),
        labels=wide.to_numpy(dtype=np.int8),
        new_onset=onset.to_numpy(dtype=bool) if task == "next_diagnoses" else None,
    )


def split_sha(tables: Path) -> str:
    """Hash of the split, stored beside whatever was fitted on it."""
    return sha256_of(tables / "splits.parquet")


def load_rounds(tables: Path) -> list[Round]:
    """Who trains, validates and tests, from splits.parquet.

    train/val/test is one round. With cross-validation, fold k is tested by models that stopped
    early on fold k+1 and learnt from the others, so each patient is tested exactly once.
    """
    splits = read_parquet(tables / "splits.parquet", SPLITS)
    members = {
        str(fold): frozenset(int(i) for i in ids)
        for fold, ids in splits.groupby("fold")["patient_id"]
    }
    if set(members) <= {"train", "val", "test"}:
        parts = [members.get(fold, frozenset()) for fold in ("train", "val", "test")]
        return [Round("split", *parts)]
    folds = sorted(members, key=lambda fold: int(fold.removeprefix("cv")))
    everyone = frozenset(splits["patient_id"].tolist())
    rounds = []
    for k, fold in enumerate(folds):
        test, val = members[fold], members[folds[(k + 1) % len(folds)]]
        rounds.append(Round(fold, everyone - test - val, val, test))
    return rounds
