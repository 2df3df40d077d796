"""Who trains, validates and tests: by patient, one file for all tasks.

Patients are sorted by what their labels are (stratum) and, within it, by a seeded hash; folds are
then dealt out in a fixed pattern along that order. So each fold holds its share of every stratum to
within two patients, and no library's random numbers matter.
"""

from __future__ import annotations

import hashlib

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.params.tables import SplitParams

# 70/10/20, spread out so that a stratum of a few patients is divided too
PATTERN = ("train", "train", "test", "train", "train", "val", "train", "train", "test", "train")


def assign_folds(patients: pd.DataFrame, params: SplitParams) -> pd.DataFrame:
    """Folds of `patients` (columns patient_id, stratum, period, fold), one row a patient.

    stratum: text that says which labels the patient has; period: anchor_year_group; fold: train,
    val or test where the source itself says so, else null. Returns patient_id and fold, sorted by
    patient_id.
    """
    frame = patients.assign(
        draw=[_draw(params.seed, patient) for patient in patients["patient_id"]]
    ).sort_values(["stratum", "draw"], ignore_index=True)
    fixed = frame.pop("fold")
    if params.kind == "patient" and fixed.notna().all():
        frame["fold"] = _given(fixed)
    elif params.kind == "cv" or len(frame) < params.cv_below_patients:
        frame["fold"] = [f"cv{i % params.folds}" for i in range(len(frame))]
    elif params.kind == "patient":
        frame["fold"] = [PATTERN[i % len(PATTERN)] for i in range(len(frame))]
    else:
        frame["fold"] = _temporal(frame)
    return frame[["patient_id", "fold"]].sort_values("patient_id", ignore_index=True)


def _given(fixed: pd.Series) -> pd.Series:
    """Who tests, the source says; unless it says who validates, an eighth of the others does."""
    if (fixed == "val").any():
        return fixed
    train = fixed == "train"
    place = train.cumsum() - 1
    return fixed.mask(train & (place % 8 == 4), "val")


def _temporal(frame: pd.DataFrame) -> pd.Series:
    """The latest period tests; of the earlier ones an eighth validates, the rest trains."""
    if frame["period"].isna().any():
        raise InputError(
            "tables.split.kind: temporal: expected anchor_year_group of every patient, found "
            f"{frame['period'].notna().sum()} of {len(frame)}: this source does not tell in which "
            "years a patient came; choose patient or cv"
        )
    periods = sorted(frame["period"].unique())
    if len(periods) < 2:
        raise InputError(
            "tables.split.kind: temporal: expected two or more anchor_year_group, "
            f"found {', '.join(map(str, periods))}"
        )
    late = frame["period"] == periods[-1]
    place = (~late).cumsum() - 1  # among the earlier ones
    fold = pd.Series("train", index=frame.index)
    return fold.mask(place % 8 == 4, "val").mask(late, "test")


def _draw(seed: int, patient: int) -> str:
    return hashlib.sha256(f"{seed}:{patient}".encode()).hexdigest()
