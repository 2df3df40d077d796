"""The patient-cluster bootstrap that every interval and every paired test shares.

Samples of one patient are correlated, so whole patients are drawn, with replacement. The draws
follow from the number of patients and the seed alone: two recipes that predicted the same patients
meet the same draws, and the difference of their metrics within a draw is a paired one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fusehr.core.metrics import Array

# Weights in memory at once: 16 MiB of int32, whatever the number of patients and draws.
CHUNK_CELLS = 1 << 22


def resamples(patients: int, *, draws: int, seed: int, cells: int = CHUNK_CELLS) -> Iterator[Array]:
    """Chunks of weights, int32 (patients, b): how often each patient stands in each draw.

    Patients are numbered in the order of their ids. `cells` bounds patients * b and changes
    nothing else.
    """
    if patients == 0:
        return
    generator = np.random.default_rng(seed)
    columns = max(1, cells // patients)
    for start in range(0, draws, columns):
        size = min(columns, draws - start)
        picks = generator.integers(0, patients, size=(size, patients))
        picks += np.arange(size)[:, None] * patients
        weights = np.bincount(picks.ravel(), minlength=size * patients).astype(np.int32)
        yield np.ascontiguousarray(weights.reshape(size, patients).T)
