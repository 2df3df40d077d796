"""Train patients in k folds, so that a teacher who never saw a patient can give the label."""

from __future__ import annotations

import numpy as np

from fusehr.core.seeding import generator


def patient_folds(patients: np.ndarray, k: int, *names: str | int) -> dict[int, int]:
    """Patient -> fold below k, of equal sizes by one patient; `names`: what it is drawn for."""
    known = np.unique(patients)
    shuffled = generator(*names).permutation(len(known))
    return {int(known[place]): number % k for number, place in enumerate(shuffled)}
