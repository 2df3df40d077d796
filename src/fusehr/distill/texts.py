"""Texts of one task beside its labels: those whose outcome is known, then those without one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from fusehr.core.cohort import Round, TaskSamples, load_rounds, load_task
from fusehr.core.distill_schemas import INSTRUCTIONS
from fusehr.core.folds import Fold, fold_rows, untrainable
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.tasks import Task

FILE = "instructions.parquet"


@dataclass(frozen=True)
class TaskTexts:
    """n texts of a task.

    samples: of the m that are labelled, which are the rows 0 to m; table: (n) rows of INSTRUCTIONS;
    rounds: of the split; folds: labelled rows that train, validate and test in each.
    """

    samples: TaskSamples
    table: pd.DataFrame
    rounds: list[Round]
    folds: list[Fold]

    @property
    def exclusive(self) -> bool:
        """Whether each sample has exactly one class."""
        return self.samples.kind == "multiclass"

    @property
    def patients(self) -> np.ndarray:
        """int64 (n,)."""
        return self.table["patient_id"].to_numpy()

    @property
    def labels(self) -> Tensor:
        """float32 (n, n_classes), zeros where no label is known."""
        known = torch.tensor(self.samples.labels, dtype=torch.float32)
        return torch.cat([known, torch.zeros(len(self.table) - len(known), known.shape[1])])

    def unlabelled(self, number: int) -> np.ndarray:
        """Rows without a label whose patients train in round `number`, int64."""
        known, members = len(self.samples.samples), self.rounds[number].train
        rows = np.arange(known, len(self.table))
        return rows[np.isin(self.patients[known:], list(members))]


def trained_texts(data: Path, tables: Path, task: Task, skipped: Path) -> TaskTexts:
    """Texts of a task that is not among those of the file `skipped`; InputError where it should."""
    texts, reason = load_texts(data, tables, task)
    if texts is None:
        raise InputError(f"{skipped}: expected {task}, as there is {reason}; found it trained")
    return texts


def load_texts(data: Path, tables: Path, task: Task) -> tuple[TaskTexts | None, str]:
    """Texts of `task`, or None and the reason why no model can be trained on it.

    data: what distill-data wrote. Raises InputError where a sample has no text.
    """
    samples = load_task(tables, task)
    rounds = load_rounds(tables)
    folds = fold_rows(samples, rounds)
    if reason := untrainable(samples, folds):
        return None, reason
    table = read_parquet(data / FILE, INSTRUCTIONS)
    table = table[table["task"] == task]
    known = table[table["labelled"]].sort_values("sample_id", ignore_index=True)
    if list(known["sample_id"]) != list(samples.samples["sample_id"]):
        raise InputError(f"{data / FILE}: column sample_id: expected each {task} sample's text")
    others = table[~table["labelled"]].sort_values("sample_id", ignore_index=True)
    whole = pd.concat([known, others], ignore_index=True)
    return TaskTexts(samples, whole, rounds, folds), ""
