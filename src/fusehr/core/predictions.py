"""Predictions in long form, a row a sample and class: the one form that every recipe writes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.schemas import PREDICTIONS

FULL = "full"  # the variant in which nothing is withheld


def long_form(
    samples: TaskSamples, rows: np.ndarray, p: np.ndarray, *, fold: str, seed: int, variant: str
) -> pd.DataFrame:
    """p (n_rows, n_classes) of the samples at `rows`, as n_rows * n_classes rows.

    variant: the condition that they were predicted in, `full` or what was withheld.
    """
    n_classes = len(samples.classes)
    of_sample = {
        name: np.repeat(samples.samples[name].to_numpy()[rows], n_classes)
        for name in ("sample_id", "patient_id")
    }
    of_class = {
        "class": np.tile(np.array(samples.classes, dtype=object), len(rows)),
        "y": samples.labels[rows].ravel(),
        "p": p.ravel(),
    }
    of_all = {"task": samples.task, "variant": variant, "seed": seed, "fold": fold}
    return pd.DataFrame({**of_sample, **of_class, **of_all})


def predictions_table(frames: list[pd.DataFrame], *, recipe: str, split_sha: str) -> pd.DataFrame:
    """All of a recipe's predictions; no rows, with the columns in place, where it made none."""
    if not frames:
        return pd.DataFrame(columns=[column.name for column in PREDICTIONS.columns])
    return pd.concat(frames, ignore_index=True).assign(recipe=recipe, split_sha=split_sha)
