"""Recalibration on the validation fold.

A loss with class weights, which half of the recipes use, shifts every probability: uncorrected, the
Brier score would rank the weights and not the models. So each recipe's scores are recalibrated in
the same way, on validation patients, and probability metrics are given before and after.
With cross-validation the validation predictions of all rounds are pooled for the fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.calibration import Calibration, calibration
from fusehr.core.metrics import Array
from fusehr.evaluate.scoring.conditions import Condition

IDENTITY = Calibration(slope=1.0, intercept=0.0)


@dataclass(frozen=True)
class Recalibrated:
    """Recalibrated test probabilities (S, n, K) and how they came about.

    fits: [seed][class], what was applied to the recipe's own probabilities; empty for exclusive
    classes, whose scaling to a sum of one is no function of a single class.
    unsolved: the classes that keep their scores, with the reason, in words.
    """

    probabilities: Array
    fits: tuple[tuple[Calibration, ...], ...]
    unsolved: tuple[str, ...]


def recalibrate(condition: Condition) -> Recalibrated:
    """Each class by itself (Platt's scaling); exclusive classes are scaled to sum to one again.

    A class whose validation fold has no solution keeps its scores.
    """
    test, val = condition.test.probabilities, condition.val.probabilities
    adjusted = np.empty_like(test)
    unsolved: dict[str, list[str]] = {}  # reason -> classes
    fits = []
    for s in range(len(condition.seeds)):
        own = []
        for k, name in enumerate(condition.classes):
            fit = calibration(condition.val.labels[:, k], val[s, :, k])
            adjusted[s, :, k] = fit.apply(test[s, :, k])
            if fit.reason and name not in unsolved.setdefault(fit.reason, []):
                unsolved[fit.reason].append(name)
            own.append(IDENTITY if fit.reason else fit)
        fits.append(tuple(own))
    if condition.kind == "multiclass":
        adjusted /= np.maximum(adjusted.sum(-1, keepdims=True), np.finfo(float).tiny)
        fits = []
    told = tuple(
        f"{_named(names, condition.classes)}: {reason} in the validation fold"
        for reason, names in unsolved.items()
    )
    return Recalibrated(adjusted, tuple(fits), told)


def _named(names: list[str], classes: tuple[str, ...]) -> str:
    return "every class" if len(names) == len(classes) > 1 else ", ".join(names)
