"""Random choices among patients, each named, so that none depends on another."""

from __future__ import annotations

import numpy as np

from fusehr.core.metrics import Array
from fusehr.core.seeding import generator


def drawn_patients(patients: Array, *, share: float, name: str, seed: int) -> Array:
    """Which samples belong to a random `share` of the patients: bool (n,).

    patients: (n,), the patient of each sample, in any order.
    """
    distinct = np.unique(patients)
    order = generator("defects", name, "patients", seed).permutation(distinct)
    return np.isin(patients, order[: round(share * len(distinct))])


def from_other_patients(patients: Array, *, name: str, seed: int) -> Array:
    """For each sample a sample of another patient, each once: int64 (n,).

    What is taken from there is independent of all that is known of the sample, and a patient's
    samples still go together. No patient may have more than half of the samples.
    """
    distinct, owner, count = np.unique(patients, return_inverse=True, return_counts=True)
    place = generator("defects", name, "others", seed).permutation(len(distinct))
    order = np.argsort(place[owner], kind="stable")  # samples, patient by patient
    taken = np.empty(len(patients), np.int64)
    taken[order] = np.roll(order, count.max(initial=0))
    return taken
