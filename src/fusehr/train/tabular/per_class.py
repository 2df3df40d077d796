"""One model a label, or one for exclusive classes, behind one predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fusehr.core.cohort import TaskSamples

# Fit on (train rows, their targets), and maybe stop early on (validation rows, their targets).
FitOne = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Any]


@dataclass(frozen=True)
class PerClass:
    """Fitted models of a task.

    models: for exclusive classes one model, whose classes are class numbers; else, for each class,
    a model of 0/1 or, where train knows one of the two only, that constant probability.
    """

    classes: tuple[str, ...]
    exclusive: bool
    models: tuple[Any, ...]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """features (n, f) -> probabilities (n, n_classes)."""
        p = np.zeros((len(features), len(self.classes)))
        if self.exclusive:
            (model,) = self.models
            p[:, model.classes_] = model.predict_proba(features)  # a class unknown to train keeps 0
            return p
        for k, model in enumerate(self.models):
            p[:, k] = model if isinstance(model, float) else model.predict_proba(features)[:, 1]
        return p

    def each(self, of: Callable[[Any], Any]) -> PerClass:
        """The same with `of` each model in its place; constants stay."""
        changed = (model if isinstance(model, float) else of(model) for model in self.models)
        return replace(self, models=tuple(changed))

    def by_name(self) -> dict[str, Any]:
        """Models under their class's name, or the one for exclusive classes under all of theirs."""
        if self.exclusive:
            return {"|".join(self.classes): self.models[0]}
        return dict(zip(self.classes, self.models, strict=True))


def fit_per_class(
    samples: TaskSamples, *, train: np.ndarray, val: np.ndarray, fit_one: FitOne
) -> PerClass:
    """Fit on rows `train` of the task's labels.

    Validation rows of an exclusive class that train does not know are left out: no model of it.
    """
    if samples.kind == "multiclass":
        target = samples.labels.argmax(axis=1)  # (n, n_classes) one-hot -> (n,)
        known = val[np.isin(target[val], target[train])]
        models = (fit_one(train, target[train], known, target[known]),)
        return PerClass(samples.classes, True, models)
    models = []
    for y in samples.labels.T:
        constant = _constant(y[train])
        one = fit_one(train, y[train], val, y[val]) if constant is None else constant
        models.append(one)
    return PerClass(samples.classes, False, tuple(models))


def _constant(y: np.ndarray) -> float | None:
    return float(y[0]) if (y == y[0]).all() else None
