"""How many samples and patients stand behind a number, and which labels a macro average takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.metrics import Array


@dataclass(frozen=True)
class Support:
    """Sizes behind a metric. A patient with samples of both classes counts in both."""

    n: int
    n_patients: int
    n_positive: int
    positive_patients: int
    negative_patients: int


def support(labels: Array, patients: Array) -> Support:
    """Sizes for labels (n, k), pooled over the k classes, and patients (n,)."""
    return Support(
        n=len(patients),
        n_patients=len(np.unique(patients)),
        n_positive=int(np.sum(labels == 1)),
        positive_patients=len(np.unique(patients[np.any(labels == 1, axis=1)])),
        negative_patients=len(np.unique(patients[np.any(labels == 0, axis=1)])),
    )


def kept_labels(labels: Array, patients: Array, *, at_least: int) -> Array:
    """Which of the K labels enter macro and micro averages: bool (K,).

    A label with a handful of positive patients has an AUROC that is mostly chance, and in many
    bootstrap draws none at all. The rule looks at the test fold's labels alone, so it is the same
    for all recipes and all draws.
    """
    sizes = [support(labels[:, [k]], patients) for k in range(labels.shape[1])]
    return np.array(
        [min(s.positive_patients, s.negative_patients) >= at_least for s in sizes], dtype=bool
    )
