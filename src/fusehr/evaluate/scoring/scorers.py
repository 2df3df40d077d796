"""All metrics of one condition, under one weight vector or a chunk of bootstrap draws.

A value belongs to a scope: a class by its name; `macro`, the mean over the kept classes; `micro`,
all kept classes pooled; `all`, what only exists for the exclusive classes together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.metrics import (
    Array,
    Calibration,
    Ranking,
    brier,
    calibration,
    confusion,
    ece,
    equal_mass_bins,
    net_benefit,
    over_triage,
    quadratic_kappa,
    undefined_reason,
    under_triage,
    weighted_f1,
)
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


class ClassScorer:
    """Metrics of one class's scores; those on probabilities also before recalibration (`_raw`)."""

    def __init__(
        self, y: Array, raw: Array, adjusted: Array, fit: Calibration | None, options: Options
    ) -> None:
        """fit: what made `adjusted` of `raw`, where it was a recalibration by itself."""
        self._y, self._options, self._fit = y, options, fit
        self._ranking = Ranking(y, raw)
        self._scales = [
            (suffix, p, calibration(y, p), equal_mass_bins(p, options.calibration_bins))
            for suffix, p in (("_raw", raw), ("", adjusted))
        ]

    def values(self, weights: Array) -> dict[str, Array]:
        """weights: int32 (b, n)."""
        counts = self._ranking.counts(weights)
        found = {
            "auroc": counts.auroc(),
            "auprc": counts.auprc(),
            "min_p_se": counts.min_p_se(),
            "sens_at_spec90": counts.sensitivity_at_specificity(0.9),
        }
        floats = weights.astype(float)
        for suffix, p, fit, bins in self._scales:
            found[f"brier{suffix}"] = brier(self._y, p, weights=floats)
            found[f"ece{suffix}"] = ece(self._y, p, bins=bins, weights=floats)
            if suffix or self._fit is None:
                slope, intercept = fit.resampled(self._y, p, floats)
            else:
                # Both scales describe one regression: their logits differ by a straight line.
                slope = found["calibration_slope_raw"] / self._fit.slope
                intercept = found["calibration_intercept_raw"] - slope * self._fit.intercept
            found[f"calibration_slope{suffix}"] = slope
            found[f"calibration_intercept{suffix}"] = intercept
            for t in self._options.net_benefit_thresholds:
                found[f"net_benefit_{t:g}{suffix}"] = net_benefit(
                    self._y, p, threshold=t, weights=floats
                )
        return found

    def reasons(self) -> dict[str, str]:
        """Why metrics are undefined on the whole fold: metric -> reason."""
        why = undefined_reason(self._y)
        ranking = ("auroc", "auprc", "min_p_se", "sens_at_spec90")
        found: dict[str, str] = {metric: why for metric in ranking if why}
        for suffix, _, fit, _ in self._scales:
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
        options: Options,
    ) -> None:
        """seed: position in condition.seeds; kept: bool (K,), the classes that averages take."""
        test, raw = condition.test, condition.test.probabilities[seed]
        adjusted = recalibrated.probabilities[seed]
        fits = recalibrated.fits[seed] if recalibrated.fits else [None] * len(condition.classes)
        self._classes, self._kind, self._kept = condition.classes, condition.kind, kept
        self._scorers = [
            ClassScorer(test.labels[:, k], raw[:, k], adjusted[:, k], fits[k], options)
            for k in range(len(condition.classes))
        ]
        self._labels, self._raw, self._adjusted = test.labels, raw, adjusted
        if kept.any():
            self._pooled = Ranking(
                test.labels[:, kept].ravel(),
                raw[:, kept].ravel(),
                owner=np.repeat(np.arange(len(raw)), kept.sum()),
            )
        self._alarms = None
        if condition.task == "deterioration":
            self._alarms = Alarms(
                test.labels[:, 0],
                raw[:, 0],
                test.patients,
                sensitivity=options.alarm_sensitivity,
                step_hours=options.step_hours,
            )

    def values(self, weights: Array) -> Values:
        """weights: int32 (b, n)."""
        found: Values = {}
        for name, scorer in zip(self._classes, self._scorers, strict=True):
            found |= {(name, m): v for m, v in scorer.values(weights).items()}
        if self._alarms is not None:
            found |= {(self._classes[0], m): v for m, v in self._alarms.values(weights).items()}
        if self._kind != "binary":
            found |= self._macro(found, weights.shape[0]) | self._micro(weights)
        if self._kind == "multiclass":
            found |= self._decisions(weights)
        return found

    def _macro(self, found: Values, b: int) -> Values:
        names = [name for name, kept in zip(self._classes, self._kept, strict=True) if kept]
        metrics = [metric for scope, metric in found if scope == self._classes[0]]
        if not names:
            return {(MACRO, metric): np.full(b, np.nan) for metric in metrics}
        return {(MACRO, m): np.mean([found[name, m] for name in names], axis=0) for m in metrics}

    def _micro(self, weights: Array) -> Values:
        if not self._kept.any():
            nothing = np.full(weights.shape[0], np.nan)
            return {(MICRO, m): nothing for m in ("auroc", "auprc", "brier", "brier_raw")}
        # Few draws at a time: the pooled scores are K times as many as the weights.
        parts = np.array_split(weights, max(1, len(weights) * int(self._kept.sum()) // 1024))
        pooled = [self._pooled.counts(part) for part in parts]
        total = weights.sum(1, dtype=float)
        found: Values = {
            (MICRO, "auroc"): np.concatenate([counts.auroc() for counts in pooled]),
            (MICRO, "auprc"): np.concatenate([counts.auprc() for counts in pooled]),
        }
        for metric, p in (("brier", self._adjusted), ("brier_raw", self._raw)):
            error = np.square(p - self._labels)[:, self._kept].mean(1)
            found[MICRO, metric] = weights @ error / total
        return found

    def _decisions(self, weights: Array) -> Values:
        truth, named = decided(self._labels, self._raw)
        matrix = confusion(truth, named, classes=len(self._classes), weights=weights)
        return {
            (ALL, "f1_weighted"): weighted_f1(matrix),
            (ALL, "kappa_quadratic"): quadratic_kappa(matrix),
            (ALL, "under_triage"): under_triage(matrix),
            (ALL, "over_triage"): over_triage(matrix),
        }

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
