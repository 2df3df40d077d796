"""Every metric of the project, each for one weight vector or for thousands at once.

A patient-cluster bootstrap evaluates the same scores under thousands of integer weights. So each
metric takes `weights` of shape (n,) and returns a scalar, or of shape (b, n) and returns (b,); the
scores are sorted once and each weight vector then costs two cumulative sums. Integer weights
should come as int32, for which the sums are exact and several times as fast as in floats.

Labels `y` are 0/1 of shape (n,), scores `p` float of shape (n,), higher meaning more likely
positive. No metric invents a value: one that does not exist for the given data is nan, and
`undefined_reason` says why. Where scikit-learn has the metric, the values are equal to its.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Probabilities of exactly 0 or 1 have no logit; a score is never taken as surer than this.
LOGIT_CLIP = 1e-6


def undefined_reason(y: Array) -> str:
    """Why a metric that compares two classes has no value on labels `y`; '' where it has one."""
    if len(y) == 0:
        return "no samples"
    if not np.any(y == 1):
        return "no positive sample"
    if not np.any(y == 0):
        return "no negative sample"
    return ""


def _weights(y: Array, weights: Array | None) -> Array:
    return np.ones(len(y), np.int32) if weights is None else np.asarray(weights)


def _ratio(top: Array, bottom: Array) -> Any:
    """top / bottom, nan where the denominator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom == 0, np.nan, np.divide(top, bottom))


@dataclass(frozen=True)
class Counts:
    """What a ranking's metrics need, at the threshold of each positive, best score first.

    All of shape (..., n_pos), but `positives` and `negatives` of shape (...): total weights.
    """

    weight: Array  # the positive's own
    true_positives: Array  # weight of positives at or above its score
    false_positives: Array  # weight of negatives at or above its score
    negatives_above: Array  # weight of negatives strictly above its score
    positives: Array
    negatives: Array

    def _precision(self) -> Array:
        flagged = self.true_positives + self.false_positives
        return self.true_positives / np.maximum(flagged, np.finfo(float).tiny)

    def auroc(self) -> Array:
        """Area under the ROC curve; a tie between a positive and a negative counts one half."""
        beaten = self.negatives[..., None] - (self.false_positives + self.negatives_above) / 2
        return _ratio(
            np.einsum("...i,...i->...", self.weight, beaten), self.positives * self.negatives
        )

    def auprc(self) -> Array:
        """Average precision: precision summed over steps of recall, without interpolation."""
        found = np.einsum("...i,...i->...", self.weight, self._precision())
        return self._two_classes(_ratio(found, self.positives))

    def min_p_se(self) -> Array:
        """min(+P, Se): the best attainable minimum of precision and sensitivity.

        Reference: PhysioNet/Computing in Cardiology Challenge 2012, event 1.
        """
        recall = _ratio(self.true_positives, self.positives[..., None])
        return self._two_classes(np.minimum(self._precision(), recall).max(-1, initial=0.0))

    def sensitivity_at_specificity(self, specificity: float) -> Array:
        """Highest sensitivity among thresholds with at least the given specificity."""
        # 1 - 0.9 is a little under 0.1 in floating point; one false alarm in ten must pass.
        allowed = (1.0 - specificity + 1e-9) * self.negatives[..., None]
        hits = np.where(self.false_positives <= allowed, self.true_positives, 0)
        return self._two_classes(_ratio(hits.max(-1, initial=0), self.positives))

    def _two_classes(self, value: Array) -> Array:
        return np.where((self.positives == 0) | (self.negatives == 0), np.nan, value)


class Ranking:
    """Scores sorted once, to be counted under many weight vectors.

    Only the positives' thresholds are kept: lowering a threshold past a negative alone changes
    neither average precision nor the best point of any curve, and most labels are rare.
    """

    def __init__(self, y: Array, p: Array, *, owner: Array | None = None) -> None:
        """owner: the weight's position of each score, (n,); by default its own position.

        With it, several scores share one weight, as the labels of a sample do when pooled.
        """
        order = np.argsort(-p, kind="stable")
        positive = y[order] == 1
        pos, neg = order[positive], order[~positive]
        self._pos, self._neg = (pos, neg) if owner is None else (owner[pos], owner[neg])
        descending, neg_scores = -p[pos], -p[neg]  # both ascending, for searchsorted
        self._above = np.searchsorted(neg_scores, descending, side="left")
        self._upto = np.searchsorted(neg_scores, descending, side="right")
        self._tie_end = np.searchsorted(descending, descending, side="right") - 1

    def counts(self, weights: Array) -> Counts:
        """weights (..., n) -> Counts with the same leading shape."""
        kind = np.result_type(weights.dtype, np.int32)  # narrower integers would overflow
        weight = np.take(weights, self._pos, axis=-1)
        below = np.zeros((*weights.shape[:-1], len(self._neg) + 1), kind)
        np.cumsum(np.take(weights, self._neg, axis=-1), axis=-1, dtype=kind, out=below[..., 1:])
        true_positives = np.cumsum(weight, axis=-1, dtype=kind)
        return Counts(
            weight=weight,
            true_positives=np.take(true_positives, self._tie_end, axis=-1),
            false_positives=np.take(below, self._upto, axis=-1),
            negatives_above=np.take(below, self._above, axis=-1),
            positives=weight.sum(-1, dtype=float),
            negatives=below[..., -1].astype(float),
        )


def auroc(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """Area under the ROC curve."""
    return Ranking(y, p).counts(_weights(y, weights)).auroc()[()]


def auprc(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """Area under the precision-recall curve, as average precision."""
    return Ranking(y, p).counts(_weights(y, weights)).auprc()[()]


def min_p_se(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """The largest min(precision, sensitivity) on the precision-recall curve."""
    return Ranking(y, p).counts(_weights(y, weights)).min_p_se()[()]


def sensitivity_at_specificity(
    y: Array, p: Array, *, specificity: float = 0.9, weights: Array | None = None
) -> Any:
    """Sensitivity at the given specificity, on the ROC curve's own points."""
    counts = Ranking(y, p).counts(_weights(y, weights))
    return counts.sensitivity_at_specificity(specificity)[()]


def brier(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """Mean squared difference of probability and outcome."""
    w = _weights(y, weights)
    return _ratio(w @ np.square(p - y), w.sum(-1, dtype=float))[()]


def equal_mass_bins(p: Array, bins: int) -> Array:
    """Bin number of each score, (n,) from 0 up: at most `bins` bins of about equal size.

    Equal scores share a bin, so that the bins do not depend on the order of the samples; many
    ties therefore leave fewer bins.
    """
    if len(p) == 0:
        return np.zeros(0, np.int64)
    inner = np.arange(1, bins) / bins
    edges = np.unique(np.quantile(p, inner, method="inverted_cdf"))
    return np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)[1]


def ece(y: Array, p: Array, *, bins: int | Array = 10, weights: Array | None = None) -> Any:
    """Expected calibration error over equal-mass bins: their number, or `equal_mass_bins` of p.

    The bins are those of the unweighted scores: a resample reweights them, it does not move them.
    """
    w = _weights(y, weights)
    number = equal_mass_bins(p, bins) if isinstance(bins, int) else bins
    member = number[:, None] == np.arange(number.max(initial=0) + 1)  # (n, bins)
    gap = np.abs(w @ (member * (y - p)[:, None])).sum(-1)
    return _ratio(gap, w.sum(-1, dtype=float))[()]


def net_benefit(y: Array, p: Array, *, threshold: float, weights: Array | None = None) -> Any:
    """Net benefit of acting at p >= threshold, in true positives per sample.

    Reference: Vickers & Elkin, Medical Decision Making 2006.
    """
    w = _weights(y, weights)
    gain = np.where(y == 1, 1.0, -threshold / (1.0 - threshold)) * (p >= threshold)
    return _ratio(w @ gain, w.sum(-1, dtype=float))[()]


def logit(p: Array) -> Array:
    """log(p / (1 - p)), with p kept LOGIT_CLIP away from 0 and 1."""
    clipped = np.clip(p, LOGIT_CLIP, 1.0 - LOGIT_CLIP)
    return np.log(clipped / (1.0 - clipped))


def expit(z: Array) -> Array:
    """The logistic function 1 / (1 + exp(-z)); far below zero it is 0 without a warning."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-z))


@dataclass(frozen=True)
class Calibration:
    """Logistic recalibration: P(y = 1) = expit(intercept + slope * logit(p)).

    Slope 1 and intercept 0 are perfect; a slope under 1 means scores too extreme. Both are nan,
    and `reason` says why, where the regression has no solution.
    Reference: Cox, Biometrika 1958; used to recalibrate, it is Platt's scaling.
    """

    slope: float
    intercept: float
    reason: str = ""

    def apply(self, p: Array) -> Array:
        """Recalibrated probabilities; p itself where there is no solution."""
        return p if self.reason else expit(self.intercept + self.slope * logit(p))

    def resampled(self, y: Array, p: Array, weights: Array) -> tuple[Array, Array]:
        """Slope and intercept of resamples of the data fitted on, each (b,); weights (b, n).

        Two Newton steps from this fit, after which the error is of order 1/n^2, small beside a
        bootstrap's spread of 1/sqrt(n). All draws share the first step's start, so it is a matrix
        product; the second runs in single precision, as its own error is what it corrects.
        Reference: Davidson & MacKinnon, International Economic Review 1999.
        """
        if self.reason:
            nothing = np.full(weights.shape[0], np.nan)
            return nothing, nothing.copy()
        z = logit(p)
        powers = np.stack([np.ones_like(z), z, z * z], axis=-1)  # (n, 3)
        risk = self.apply(p)
        rest = weights @ ((y - risk)[:, None] * powers[:, :2])
        curvature = weights @ ((risk * (1.0 - risk))[:, None] * powers)
        step_0, step_1 = _newton_step(rest, curvature)
        intercept, slope = self.intercept + step_0, self.slope + step_1

        single, w = powers.astype(np.float32), weights.astype(np.float32)
        line = np.stack([-intercept, -slope], axis=-1).astype(np.float32)
        with np.errstate(over="ignore"):
            risks = line @ single[:, :2].T  # (b, n)
            np.exp(risks, out=risks)
            np.add(risks, 1, out=risks)
            np.reciprocal(risks, out=risks)
        np.multiply(w, risks, out=w)
        fitted = (w @ single).astype(float)
        np.multiply(w, risks, out=w)
        rest = weights @ (y[:, None] * powers[:, :2]) - fitted[:, :2]
        step_0, step_1 = _newton_step(rest, fitted - w @ single)
        return slope + step_1, intercept + step_0


def _newton_step(gradient: Array, curvature: Array) -> tuple[Array, Array]:
    """Steps of intercept and slope; gradient (b, 2), curvature (b, 3): sums of s, s z, s z^2."""
    g_0, g_1 = gradient.T
    h_00, h_01, h_11 = curvature.T
    det = h_00 * h_11 - h_01 * h_01
    return _ratio(h_11 * g_0 - h_01 * g_1, det), _ratio(h_00 * g_1 - h_01 * g_0, det)


def calibration(y: Array, p: Array) -> Calibration:
    """Maximum-likelihood logistic recalibration of `p` on labels `y`, without a penalty."""
    reason = undefined_reason(y)
    z = logit(p)
    if not reason and np.ptp(z) < 1e-9:
        reason = "constant scores"
    if not reason:
        low, high = z[y == 0], z[y == 1]
        # Without overlap the likelihood grows with the slope for ever.
        if low.max() <= high.min() or high.max() <= low.min():
            reason = "scores separate the classes"
    if reason:
        return Calibration(np.nan, np.nan, reason)
    centre, scale = z.mean(), z.std()
    u = (z - centre) / scale
    rate = y.mean()
    theta = np.array([np.log(rate / (1 - rate)), 0.0])
    loss = _log_loss(y, u, theta)
    for _ in range(100):
        fitted = expit(theta[0] + theta[1] * u)
        spread = fitted * (1 - fitted)
        gradient = np.array([np.sum(y - fitted), np.sum((y - fitted) * u)])
        hessian = np.array(
            [[spread.sum(), (spread * u).sum()], [(spread * u).sum(), (spread * u * u).sum()]]
        )
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        # A full step can overshoot where scores barely overlap; the loss is convex, so halve it.
        while (found := _log_loss(y, u, theta + step)) > loss + 1e-12 and np.abs(
            step
        ).max() > 1e-12:
            step = step / 2
        theta, loss = theta + step, found
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(float(theta[1] / scale), float(theta[0] - theta[1] * centre / scale))


def _log_loss(y: Array, u: Array, theta: Array) -> float:
    z = theta[0] + theta[1] * u
    return float(np.sum(np.logaddexp(0.0, z) - y * z))


def confusion(
    truth: Array, predicted: Array, *, classes: int, weights: Array | None = None
) -> Array:
    """Counts of shape (..., classes, classes): rows the truth, columns the prediction.

    `truth` and `predicted` are class numbers of shape (n,).
    """
    w = _weights(truth, weights)
    cell = (truth * classes + predicted)[:, None] == np.arange(classes * classes)
    return (w @ cell.astype(float)).reshape(*w.shape[:-1], classes, classes)


def weighted_f1(matrix: Array) -> Any:
    """F1 of each class, averaged by how often it is true; from `confusion` (..., k, k).

    A class that is neither true nor predicted has F1 0 and, with no support, no influence.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    support, named = matrix.sum(-1), matrix.sum(-2)
    f1 = np.nan_to_num(_ratio(2 * hits, support + named))
    return _ratio((f1 * support).sum(-1), support.sum(-1))[()]


def quadratic_kappa(matrix: Array) -> Any:
    """Cohen's kappa with quadratic weights, for ordered classes; from `confusion` (..., k, k).

    Undefined (nan) where truth and prediction are one and the same class throughout.
    """
    steps = np.arange(matrix.shape[-1])
    cost = np.square(steps[:, None] - steps)
    chance = matrix.sum(-1)[..., :, None] * matrix.sum(-2)[..., None, :]
    expected = (cost * chance).sum((-2, -1)) / np.maximum(matrix.sum((-2, -1)), 1e-300)
    return (1.0 - _ratio((cost * matrix).sum((-2, -1)), expected))[()]


def under_triage(matrix: Array) -> Any:
    """Share of samples put in a less urgent class than the true one.

    Classes run from the most urgent to the least; from `confusion` (..., k, k).
    Reference: Sax et al., JAMA Network Open 2023 (share of all visits).
    """
    return _ratio(np.triu(matrix, 1).sum((-2, -1)), matrix.sum((-2, -1)))[()]


def over_triage(matrix: Array) -> Any:
    """Share of samples put in a more urgent class than the true one: what caution costs."""
    return _ratio(np.tril(matrix, -1).sum((-2, -1)), matrix.sum((-2, -1)))[()]
