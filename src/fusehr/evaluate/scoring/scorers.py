"""All metrics of one condition, under one weight vector or a chunk of bootstrap draws.

A value belongs to a scope: a class by its name; `macro`, the mean over the kept classes; `micro`,
all kept classes pooled; `all`, what only exists for the exclusive classes together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.calibration import Calibration, calibration
from fusehr.core.metrics import (
    RANKING,
    Array,
    Ranking,
    Weights,
    bin_gaps,
    confusion_cells,
    equal_mass_bins,
    net_gains,
    over_triage,
    per_unit,
    quadratic_kappa,
    squared_errors,
    undefined_reason,
    under_triage,
    weighted_f1,
)
from fusehr.evaluate.outputs import BOARD
from fusehr.evaluate.scoring.alarms import Alarms
from fusehr.evaluate.scoring.conditions import Condition
from fusehr.evaluate.scoring.recalibration import Recalibrated

MACRO, MICRO, ALL = "macro", "micro", "all"

Values = dict[tuple[str, str], Array]  # (scope, metric) -> (b,)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the metrics leave open: see the block `evaluate` of params.yaml."""

    calibration_bins: int
    net_benefit_thresholds: tuple[float, ...]
    alarm_sensitivity: float
    step_hours: float


@dataclass(frozen=True)
class Patients:
    """Whom the weights are of: `count` patients; `owner` (n,), the number of each sample's."""

    count: int
    owner: Array

    @classmethod
    def of(cls, ids: Array) -> Patients:
        """Numbered in the order of their ids, (n,)."""
        known, owner = np.unique(ids, return_inverse=True)
        return cls(len(known), owner)

    def sums(self, terms: Array) -> Array:
        """Terms of samples, (n,) or (n, m), added up by patient: (patients, m)."""
        return per_unit(terms.reshape(len(terms), -1), self.owner, self.count)

    def samples(self, weights: Weights) -> Array:
        """Weight of all samples, (b,)."""
        return np.bincount(self.owner, minlength=self.count) @ weights.double


class BoardScorer:
    """One class's metrics that models are compared on; they are all that a withheld input needs."""

    def __init__(self, y: Array, raw: Array, adjusted: Array, patients: Patients) -> None:
        """adjusted: `raw` after recalibration; ranks do not need it."""
        self._y = y
        self._ranking = Ranking(y, raw, owner=patients.owner)
        self._errors = patients.sums(squared_errors(y, adjusted))

    def values(self, weights: Weights, samples: Array) -> dict[str, Array]:
        """weights: (patients, b); samples: their weight, (b,)."""
        metrics = [metric for metric in RANKING if metric in BOARD]
        found = self._ranking.values(weights, metrics)
        return found | {"brier": (self._errors.T @ weights.double)[0] / samples}

    def reasons(self) -> dict[str, str]:
        """Why metrics are undefined on the whole fold: metric -> reason."""
        why = undefined_reason(self._y)
        return dict.fromkeys(RANKING, why) if why else {}


class ClassScorer:
    """Metrics of one class's scores; those on probabilities also before recalibration (`_raw`)."""

    def __init__(
        self,
        y: Array,
        raw: Array,
        adjusted: Array,
        fit: Calibration | None,
        patients: Patients,
        options: Options,
    ) -> None:
        """fit: what made `adjusted` of `raw`, where it was a recalibration by itself."""
        self._y, self._fit, self._patients = y, fit, patients
        self._ranking = Ranking(y, raw, owner=patients.owner)
        self._scales = [
            (suffix, p, calibration(y, p)) for suffix, p in (("_raw", raw), ("", adjusted))
        ]
        self._means: list[str] = []  # metrics that are weighted means of terms
        self._gaps: list[tuple[str, slice]] = []  # those that add up the sizes of several
        terms: list[Array] = []
        for suffix, p, _ in self._scales:
            self._means += [f"brier{suffix}"]
            terms += [squared_errors(y, p)]
            for t in options.net_benefit_thresholds:
                self._means += [f"net_benefit_{t:g}{suffix}"]
                terms += [net_gains(y, p, threshold=t)]
        for suffix, p, _ in self._scales:
            gaps = bin_gaps(y, p, equal_mass_bins(p, options.calibration_bins))
            self._gaps += [(f"ece{suffix}", slice(len(terms), len(terms) + gaps.shape[1]))]
            terms += list(gaps.T)
        self._terms = patients.sums(np.stack(terms, axis=1))

    def values(self, weights: Weights, samples: Array) -> dict[str, Array]:
        """weights: (patients, b); samples: their weight, (b,)."""
        found = self._ranking.values(weights)
        means = (self._terms.T @ weights.double) / samples
        found |= dict(zip(self._means, means, strict=False))
        found |= {name: np.abs(means[part]).sum(0) for name, part in self._gaps}
        for suffix, p, fit in self._scales:
            if suffix or self._fit is None:
                slope, intercept = fit.resampled(self._y, p, weights, owner=self._patients.owner)
            else:
                # Both scales describe one regression: their logits differ by a straight line.
                slope = found["calibration_slope_raw"] / self._fit.slope
                intercept = found["calibration_intercept_raw"] - slope * self._fit.intercept
            found[f"calibration_slope{suffix}"] = slope
            found[f"calibration_intercept{suffix}"] = intercept
        return found

    def reasons(self) -> dict[str, str]:
        """Why metrics are undefined on the whole fold: metric -> reason."""
        why = undefined_reason(self._y)
        found = dict.fromkeys(RANKING, why) if why else {}
        for suffix, _, fit in self._scales:
            if fit.reason:
                found[f"calibration_slope{suffix}"] = fit.reason
                found[f"calibration_intercept{suffix}"] = fit.reason
        return found


class SeedScorer:
    """Metrics of one seed of a condition in every scope."""

    def __init__(
        self,
        condition: Condition,
        seed: int,
        recalibrated: Recalibrated,
        kept: Array,
        patients: Patients,
        options: Options,
    ) -> None:
        """seed: position in condition.seeds; kept: bool (K,), the classes that averages take."""
        test, raw = condition.test, condition.test.probabilities[seed]
        adjusted = recalibrated.probabilities[seed]
        self._classes, self._kind, self._kept = condition.classes, condition.kind, kept
        self._patients, self._whole = patients, condition.whole
        self._scorers: list[BoardScorer | ClassScorer] = []
        fits = recalibrated.fits[seed] if recalibrated.fits else [None] * len(condition.classes)
        for k in range(len(condition.classes)):
            own = (test.labels[:, k], raw[:, k], adjusted[:, k])
            self._scorers.append(
                ClassScorer(*own, fits[k], patients, options)
                if self._whole
                else BoardScorer(*own, patients)
            )
        if self._kind == "multiclass":
            truth, named = decided(test.labels, raw)
            self._cells = patients.sums(confusion_cells(truth, named, len(self._classes)))
        if self._kind != "binary" and self._whole and kept.any():
            self._pooled = Ranking(
                test.labels[:, kept].ravel(),
                raw[:, kept].ravel(),
                owner=np.repeat(patients.owner, kept.sum()),
            )
            errors = [squared_errors(test.labels, p)[:, kept].mean(1) for p in (adjusted, raw)]
            self._pooled_errors = patients.sums(np.stack(errors, axis=1))
        self._alarms = None
        if condition.task == "deterioration" and self._whole:
            self._alarms = Alarms(
                test.labels[:, 0],
                raw[:, 0],
                patients.owner,
                sensitivity=options.alarm_sensitivity,
                step_hours=options.step_hours,
            )

    def values(self, weights: Weights) -> Values:
        """weights: int32 (patients, b)."""
        found: Values = {}
        samples = self._patients.samples(weights)
        for name, scorer in zip(self._classes, self._scorers, strict=True):
            found |= {(name, m): v for m, v in scorer.values(weights, samples).items()}
        if self._alarms is not None:
            found |= {(self._classes[0], m): v for m, v in self._alarms.values(weights).items()}
        if self._kind != "binary":
            found |= self._macro(found, len(samples))
        if self._kind != "binary" and self._whole:
            found |= self._micro(weights, samples)
        if self._kind == "multiclass":
            found |= self._decisions(weights)
        return found

    def _macro(self, found: Values, b: int) -> Values:
        names = [name for name, kept in zip(self._classes, self._kept, strict=True) if kept]
        metrics = [metric for scope, metric in found if scope == self._classes[0]]
        if not names:
            return {(MACRO, metric): np.full(b, np.nan) for metric in metrics}
        return {(MACRO, m): np.mean([found[name, m] for name in names], axis=0) for m in metrics}

    def _micro(self, weights: Weights, samples: Array) -> Values:
        if not self._kept.any():
            nothing = np.full(len(samples), np.nan)
            return {(MICRO, m): nothing for m in ("auroc", "auprc", "brier", "brier_raw")}
        found = self._pooled.values(weights, ("auroc", "auprc"))
        brier, brier_raw = (self._pooled_errors.T @ weights.double) / samples
        found |= {"brier": brier, "brier_raw": brier_raw}
        return {(MICRO, metric): value for metric, value in found.items()}

    def _decisions(self, weights: Weights) -> Values:
        k = len(self._classes)
        matrix = (weights.double.T @ self._cells).reshape(-1, k, k)
        found: Values = {(ALL, "f1_weighted"): weighted_f1(matrix)}
        if self._whole:
            found |= {
                (ALL, "kappa_quadratic"): quadratic_kappa(matrix),
                (ALL, "under_triage"): under_triage(matrix),
                (ALL, "over_triage"): over_triage(matrix),
            }
        return found

    def reasons(self) -> dict[tuple[str, str], str]:
        """Why values of the whole fold are undefined: (scope, metric) -> reason."""
        found: dict[tuple[str, str], str] = {}
        for name, scorer in zip(self._classes, self._scorers, strict=True):
            found |= {(name, metric): why for metric, why in scorer.reasons().items()}
        return found


def decided(labels: Array, probabilities: Array) -> tuple[Array, Array]:
    """True and named class numbers, each (n,), of exclusive classes; ties go to the more urgent.

    Named is the most probable class as the recipe itself has it, before recalibration.
    """
    return labels.argmax(1), probabilities.argmax(1)
