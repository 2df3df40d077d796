"""The patient-cluster bootstrap that every interval and every paired test shares.

Samples of one patient are correlated, so whole patients are drawn, with replacement. The draws
follow from the sorted patient ids and the seed alone: two recipes that predicted the same patients
meet the same draws, and the difference of their metrics within a draw is a paired one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fusehr.core.metrics import Array

# Weights in memory at once: 1 MiB of int32, whatever the number of samples and draws.
CHUNK_CELLS = 1 << 18


def resamples(
    patient_ids: Array, *, draws: int, seed: int, cells: int = CHUNK_CELLS
) -> Iterator[Array]:
    """Chunks of weights, int32 (b, n): how often each sample's patient stands in each draw.

    patient_ids: (n,), the patient of each sample. `cells` bounds b * n and changes nothing else.
    """
    patients, sample_patient = np.unique(patient_ids, return_inverse=True)
    count = len(patients)
    if count == 0:
        return
    generator = np.random.default_rng(seed)
    rows = max(1, cells // max(len(patient_ids), count))
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        picks = generator.integers(0, count, size=(size, count))
        picks += np.arange(size)[:, None] * count
        weights = np.bincount(picks.ravel(), minlength=size * count).astype(np.int32)
        yield weights.reshape(size, count)[:, sample_patient]
