"""Numbers with intervals: macro AUROC and shares, by the bootstrap over patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fusehr.core.metrics import Array, Ranking, Weights
from fusehr.evaluate.defects.rows import Estimate, skipped
from fusehr.evaluate.scoring.resample import resamples

METHOD = "patient-cluster bootstrap; 95 % percentile"


@dataclass(frozen=True)
class Estimator:
    """How every number with an interval is made.

    draws, seed: of the bootstrap. min_patients: a number about fewer patients of either label is
    skipped: it would say little, and of a restricted source it must not be shown.
    """

    draws: int
    seed: int
    min_patients: int

    def auroc(self, labels: Array, scores: Array, patients: Array) -> Estimate:
        """AUROC, macro over the classes with enough patients of either label.

        labels: 0/1 (n, c); scores: float (n, c); patients: (n,), of each sample. A draw that has
        one label only of a class leaves that class out.
        """
        kept = [k for k in range(labels.shape[1]) if self._enough(labels[:, k], patients)]
        if not kept:
            return skipped(f"fewer than {self.min_patients} patients of either label")
        people, owner = np.unique(patients, return_inverse=True)
        rankings = [Ranking(labels[:, k], scores[:, k], owner=owner) for k in kept]

        def macro(weights: Array) -> Array:
            of = Weights(weights)  # (n_patients, b)
            found = [ranking.values(of, ("auroc",))["auroc"] for ranking in rankings]
            return np.nanmean(found, axis=0)

        return self._estimate(macro, people, len(owner))

    def share(self, counted: Array, patients: Array) -> Estimate:
        """Share of the samples that are `counted`, bool (n,); patients as in auroc.

        All or none of enough patients is a number too.
        """
        people, owner = np.unique(patients, return_inverse=True)
        mixed = bool(counted.any() and not counted.all())
        if len(people) < self.min_patients or (mixed and not self._enough(counted, patients)):
            return skipped(f"fewer than {self.min_patients} patients of either kind")
        samples = np.bincount(owner)
        hits = np.bincount(owner[counted], minlength=len(people))

        def share(weights: Array) -> Array:
            return (hits @ weights) / (samples @ weights)

        return self._estimate(share, people, len(owner))

    def _enough(self, labels: Array, patients: Array) -> bool:
        yes, no = np.unique(patients[labels == 1]), np.unique(patients[labels == 0])
        return min(len(yes), len(no)) >= self.min_patients

    def _estimate(self, metric: Callable[[Array], Array], people: Array, n: int) -> Estimate:
        """metric: of weights int32 (n_patients, b) gives (b,)."""
        (value,) = metric(np.ones((len(people), 1), np.int32))
        draws = resamples(len(people), draws=self.draws, seed=self.seed)
        drawn = np.concatenate([metric(weights) for weights in draws])
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        return Estimate(float(value), float(low), float(high), n, len(people), METHOD)
