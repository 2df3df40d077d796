"""A logistic regression fitted on some patients and tried on the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from fusehr.core.metrics import Array
from fusehr.core.params.defects import LogisticParams
from fusehr.evaluate.defects.estimate import Estimator
from fusehr.evaluate.defects.rows import Estimate, skipped


def tried_on_others(
    features: Any,
    outcome: Array,
    patients: Array,
    fitted: Array,
    *,
    params: LogisticParams,
    estimator: Estimator,
) -> Estimate:
    """AUROC on the samples that are not `fitted`, bool (n,), of a model of those that are.

    features: (n, d), dense or sparse; outcome: 0/1 (n,); patients: (n,).
    """
    if features.shape[1] == 0:
        return skipped("nothing to predict from")
    if len(np.unique(outcome[fitted])) < 2:
        return skipped("one outcome only among the patients fitted on")
    model = LogisticRegression(C=params.C, max_iter=params.max_iter)
    with threadpool_limits(1):  # sums of floats depend on how they are divided among threads
        model.fit(features[fitted], outcome[fitted])
        scores = model.decision_function(features[~fitted])  # (m,)
    return estimator.auroc(outcome[~fitted, None], scores[:, None], patients[~fitted])
