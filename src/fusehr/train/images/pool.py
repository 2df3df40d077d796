"""Chest films of people outside the cohort, with noisy labels of their findings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.schemas import FINDINGS, IMAGE_POOL, SPLITS
from fusehr.core.seeding import generator


@dataclass(frozen=True)
class Pool:
    """n films and what is known of them.

    pixels: uint8 (n, 1, h, w). labels, known: float32 (n, len(FINDINGS)), 0 or 1; a finding that is
    uncertain or not mentioned is not known, as in the U-Ignore policy of CheXpert (Irvin et al.,
    AAAI 2019). train, holdout: int64 rows, of different patients.
    """

    pixels: Tensor
    labels: Tensor
    known: Tensor
    train: Tensor
    holdout: Tensor

    def __len__(self) -> int:
        return len(self.pixels)


def read_pool(tables: Path, *, holdout_share: float, seed: int) -> Pool:
    """The pool in `tables`; of `holdout_share` of its patients all films are held out.

    Raises InputError where a film is of a patient of the cohort (its encoder would then have been
    fitted on who is tested), has no pixels, or where either part has nothing that is known.
    """
    path = tables / "image_pool.parquet"
    films = read_parquet(path, IMAGE_POOL).sort_values("pixel_row", ignore_index=True)
    cohort = read_parquet(tables / "splits.parquet", SPLITS)["patient_id"]
    inside = films.loc[films["patient_id"].isin(cohort), "patient_id"]
    if len(inside):
        raise InputError(
            f"{path}: column patient_id: expected none of splits.parquet, "
            f"found {inside.nunique()} of them, the first {inside.iloc[0]}"
        )
    every = np.load(tables / "image_pool.npy", mmap_mode="r")  # (m, h, w)
    rows = films["pixel_row"].to_numpy()
    if len(rows) and not (rows[0] >= 0 and rows[-1] < len(every)):
        raise InputError(
            f"{path}: column pixel_row: expected rows of image_pool.npy, 0 to {len(every) - 1}, "
            f"found {rows[0]} to {rows[-1]}"
        )
    told = films[list(FINDINGS)].to_numpy(dtype=np.float32, na_value=np.nan)  # (n, findings)
    known = told >= 0
    held = _held_out(films["patient_id"].to_numpy(), holdout_share, seed)
    pool = Pool(
        torch.from_numpy(np.array(every[rows]))[:, None],
        torch.from_numpy(np.where(known, told, 0).astype(np.float32)),
        torch.from_numpy(known.astype(np.float32)),
        torch.from_numpy(np.flatnonzero(~held)),
        torch.from_numpy(np.flatnonzero(held)),
    )
    for name, part in (("train", pool.train), ("hold-out", pool.holdout)):
        if len(pool) and not pool.known[part].any():
            raise InputError(
                f"{path}: expected known findings among the {name} patients, found none: "
                "see train.images.holdout_share"
            )
    return pool


def _held_out(patients: np.ndarray, share: float, seed: int) -> np.ndarray:
    """bool (n,): films of the patients drawn."""
    distinct = np.unique(patients)
    drawn = generator("train-images", "holdout", seed).permutation(distinct)
    return np.isin(patients, drawn[: round(share * len(distinct))])
