"""Which train cases are most like a case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.train.fewshot.cases import Cases

# likeness closer than this is a tie, as the last bits of a sum are the processor's
DECIMALS = 6


@dataclass(frozen=True)
class Nearest:
    """Train cases to choose from, in the order of their rows.

    rows, patients: int64 (n,). vectors, vitals: (n, d) and (n, n_vitals), the latter in standard
    deviations from the train mean, 0 where not charted. mean, std: float64 (n_vitals,).
    """

    rows: np.ndarray
    patients: np.ndarray
    vectors: np.ndarray
    vitals: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    def to(self, cases: Cases, row: int, *, patient: int, k: int) -> list[int]:
        """Rows of the `k` train cases most like `row` of `cases`, the nearest first.

        By the cosine of vectors, where the case has one and any train case has; else by the
        distance of vitals. Never one of `patient`'s own; fewer where there are fewer. Ties go to
        the lower row.
        """
        others = self.patients != patient
        likeness = np.full(len(self.rows), -np.inf)
        vector = cases.vectors[row]
        if len(vector) and not np.isnan(vector).any():
            cosine = self.vectors @ vector  # (n, d) @ (d,) -> (n,)
            likeness = np.where(others & ~np.isnan(cosine), cosine, -np.inf)
        if not np.isfinite(likeness).any():
            vitals = _standardised(cases.vitals[row], self.mean, self.std)
            distance = ((self.vitals - vitals) ** 2).sum(axis=1)
            likeness = np.where(others, -distance, -np.inf)
        order = np.argsort(-np.round(likeness, DECIMALS), kind="stable")[:k]
        return self.rows[order[np.isfinite(likeness[order])]].tolist()


def nearest_among(cases: Cases, train: np.ndarray, patients: np.ndarray) -> Nearest:
    """Chooses among the rows `train` (n,) of `cases`; patients: of all rows."""
    values = cases.vitals[train]
    charted = ~np.isnan(values)
    count = np.maximum(charted.sum(axis=0), 1)
    mean = np.where(charted, values, 0.0).sum(axis=0) / count
    variance = np.where(charted, (values - mean) ** 2, 0.0).sum(axis=0) / count
    std = np.where(variance > 0, np.sqrt(variance), 1.0)
    vitals = _standardised(values, mean, std)
    return Nearest(train, patients[train], cases.vectors[train], vitals, mean, std)


def _standardised(values: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), 0.0, (values - mean) / std)
