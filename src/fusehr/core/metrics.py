"""Every metric of the project, each for one weight vector or for thousands at once.

A patient-cluster bootstrap evaluates the same scores under thousands of integer weights. So each
metric takes `weights` of shape (n,) and returns a scalar, or of shape (b, n) and returns (b,). What
counts thousands of draws in a row keeps a `Ranking` and the functions `..._terms`, whose weighted
sums the metrics are made of.

Labels `y` are 0/1 of shape (n,), scores `p` float of shape (n,), higher meaning more likely
positive. No metric invents a value: one that does not exist for the given data is nan, and
`undefined_reason` says why. Where scikit-learn has the metric, the values are equal to its.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TINY = np.finfo(float).tiny

RANKING: tuple[str, ...] = ("auroc", "auprc", "min_p_se", "sens_at_spec90")

# Cells of a block of thresholds: a few arrays of them stay in a processor's second cache.
BLOCK_CELLS = 1 << 16
# Columns from which rows of weights are added one by one, and not by a cumulative sum: numpy adds
# two rows of 2,000 in half a microsecond, ten times as fast as it accumulates down columns.
WIDE = 64


def undefined_reason(y: Array) -> str:
    """Why a metric that compares two classes has no value on labels `y`; '' where it has one."""
    if len(y) == 0:
        return "no samples"
    if not np.any(y == 1):
        return "no positive sample"
    if not np.any(y == 0):
        return "no negative sample"
    return ""


def ratio(top: Array, bottom: Array) -> Any:
    """top / bottom, nan where the denominator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom == 0, np.nan, np.divide(top, bottom))


def _weights(y: Array, weights: Array | None) -> Array:
    return np.ones(len(y), np.int32) if weights is None else np.asarray(weights)


def running_sums(weights: Array | Sequence[Array], rows: Array, ends: Array, start: Array) -> Array:
    """Sums (k, b): the j-th is `start` (b,) and the weights, (b,) each, at rows[: ends[j]].

    ends: (k,), ascending.
    """
    if len(start) < WIDE:
        sums = np.zeros((len(rows) + 1, len(start)), start.dtype)
        np.cumsum(np.asarray(weights)[rows], axis=0, dtype=start.dtype, out=sums[1:])
        return sums[ends] + start
    found = np.empty((len(ends), len(start)), start.dtype)
    sum_, numbers, begin = start.copy(), rows.tolist(), 0
    for own, end in zip(found, ends.tolist(), strict=True):
        for row in numbers[begin:end]:
            np.add(sum_, weights[row], out=sum_)
        own[:] = sum_
        begin = end
    return found


def per_unit(terms: Array, owner: Array, units: int) -> Array:
    """Sums (units, m) of terms (n, m) by the unit that owns each row; owner (n,) from 0 up."""
    return np.stack([np.bincount(owner, column, minlength=units) for column in terms.T], axis=1)


@dataclass(frozen=True)
class Weights:
    """Weight vectors as columns: `whole` (units, b), and the same in double and single precision.

    Integer weights should come as int32, for which sums are exact and fast.
    """

    whole: Array

    @cached_property
    def double(self) -> Array:
        """float64 (units, b)."""
        return self.whole.astype(np.float64)

    @cached_property
    def single(self) -> Array:
        """float32 (units, b)."""
        return self.whole.astype(np.float32)


@dataclass(frozen=True)
class Thresholds:
    """What a ranking's metrics need at a block of k thresholds, best score first; each (k, b).

    Thresholds are the distinct scores of positives.
    """

    true_positives: Array  # weight of positives at or above the threshold
    false_positives: Array  # weight of negatives at or above it
    tied: Array | None  # weight of negatives at it; None where there are none


class Ranking:
    """Scores sorted once, to be counted under many weight vectors.

    Only the positives' thresholds are kept: lowering a threshold past a negative alone changes
    neither average precision nor the best point of any curve, and most labels are rare.
    """

    def __init__(self, y: Array, p: Array, *, owner: Array | None = None) -> None:
        """owner: the row of the weights that each score has, (n,); by default its own position.

        With it several scores share one weight, as the samples of a patient do.
        """
        order = np.argsort(-p, kind="stable")
        positive = y[order] == 1
        pos, neg = order[positive], order[~positive]
        self._pos, self._neg = (pos, neg) if owner is None else (owner[pos], owner[neg])
        descending, neg_scores = -p[pos], -p[neg]  # both ascending, for searchsorted
        last = np.append(descending[1:] != descending[:-1], True)[: len(pos)]
        self._pos_ends = np.flatnonzero(last) + 1
        self._above = np.searchsorted(neg_scores, descending[last], side="left")
        self._upto = np.searchsorted(neg_scores, descending[last], side="right")

    def thresholds(self, weights: Array) -> Iterator[Thresholds]:
        """Blocks of thresholds under weights (units, b), in order."""
        b = weights.shape[1]
        kind = np.result_type(weights.dtype, np.int32)  # narrower integers would overflow
        hits = alarms = np.zeros(b, kind)
        seen = flagged = 0  # positives and negatives above the block
        size = max(1, BLOCK_CELLS // max(b, 1))
        # a list of rows is quicker to take from
        rows = list(weights) if b >= WIDE else weights
        for start in range(0, len(self._upto), size):
            part = slice(start, start + size)
            ends, above, upto = self._pos_ends[part], self._above[part], self._upto[part]
            true = running_sums(rows, self._pos[seen : ends[-1]], ends - seen, hits)
            false = running_sums(rows, self._neg[flagged : upto[-1]], upto - flagged, alarms)
            ties = np.flatnonzero(upto > above)
            tied = np.zeros_like(true) if len(ties) else None
            for j in ties:
                weights.take(self._neg[above[j] : upto[j]], axis=0).sum(0, out=tied[j])  # type: ignore[index]
            yield Thresholds(true, false, tied)
            hits, alarms, seen, flagged = true[-1], false[-1], int(ends[-1]), int(upto[-1])

    def values(self, weights: Weights, metrics: Collection[str] = RANKING) -> dict[str, Array]:
        """Those of RANKING in `metrics`, each (b,); nan where a draw lacks a class.

        auroc: area under the ROC curve; a tie between a positive and a negative counts one half.
        auprc: average precision, precision summed over steps of recall, without interpolation.
        min_p_se: the best attainable minimum of precision and sensitivity (PhysioNet/Computing in
        Cardiology Challenge 2012, event 1). sens_at_spec90: the highest sensitivity among
        thresholds with a specificity of at least 0.9.
        """
        units, b = weights.whole.shape
        positives = np.bincount(self._pos, minlength=units) @ weights.double
        negatives = np.bincount(self._neg, minlength=units) @ weights.double
        # 1 - 0.9 is a little under 0.1 in floating point; one false alarm in ten must pass.
        allowed = (1.0 - 0.9 + 1e-9) * negatives
        lost, precise, best, found, before = np.zeros((5, b))
        for block in self.thresholds(weights.whole):
            true, false = block.true_positives.astype(float), block.false_positives.astype(float)
            weight = np.empty_like(true)
            np.subtract(true[0], before, out=weight[0])
            np.subtract(true[1:], true[:-1], out=weight[1:])
            before = true[-1].copy()
            flagged, part = true + false, np.empty_like(true)
            if "auroc" in metrics:
                np.multiply(weight, false, out=part)
                lost += part.sum(0)
                if block.tied is not None:
                    np.multiply(weight, block.tied, out=part)
                    lost -= part.sum(0) / 2
            if "auprc" in metrics:
                np.maximum(flagged, TINY, out=part)
                np.divide(true, part, out=part)
                np.multiply(part, weight, out=part)
                precise += part.sum(0)
            if "sens_at_spec90" in metrics:
                np.multiply(true, false <= allowed, out=part)
                np.maximum(found, part.max(0), out=found)
            if "min_p_se" in metrics:
                # min(true / flagged, true / positives), in one division
                np.maximum(flagged, np.maximum(positives, TINY), out=part)
                np.divide(true, part, out=part)
                np.maximum(best, part.max(0), out=best)
        values = {
            "auroc": 1.0 - ratio(lost, positives * negatives),
            "auprc": ratio(precise, positives),
            "min_p_se": best,
            "sens_at_spec90": ratio(found, positives),
        }
        both = (positives > 0) & (negatives > 0)
        return {name: np.where(both, values[name], np.nan) for name in RANKING if name in metrics}


def _ranked(metric: str, y: Array, p: Array, weights: Array | None) -> Any:
    w = _weights(y, weights)
    columns = Weights(np.atleast_2d(w).T)
    return Ranking(y, p).values(columns, (metric,))[metric].reshape(w.shape[:-1])[()]


def auroc(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """Area under the ROC curve."""
    return _ranked("auroc", y, p, weights)


def auprc(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """Area under the precision-recall curve, as average precision."""
    return _ranked("auprc", y, p, weights)


def min_p_se(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """The largest min(precision, sensitivity) on the precision-recall curve."""
    return _ranked("min_p_se", y, p, weights)


def sensitivity_at_specificity(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """Sensitivity at a specificity of 0.9, on the ROC curve's own points."""
    return _ranked("sens_at_spec90", y, p, weights)


def squared_errors(y: Array, p: Array) -> Array:
    """Terms (n,) whose weighted mean is the Brier score."""
    return np.square(p - y)


def brier(y: Array, p: Array, *, weights: Array | None = None) -> Any:
    """Mean squared difference of probability and outcome."""
    w = _weights(y, weights)
    return ratio(w @ squared_errors(y, p), w.sum(-1, dtype=float))[()]


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


def bin_gaps(y: Array, p: Array, number: Array) -> Array:
    """Terms (n, bins): y - p in each sample's bin, 0 elsewhere; number (n,) as equal_mass_bins."""
    member = number[:, None] == np.arange(number.max(initial=0) + 1)
    return member * (y - p)[:, None]


def ece(y: Array, p: Array, *, bins: int = 10, weights: Array | None = None) -> Any:
    """Expected calibration error over equal-mass bins.

    The bins are those of the unweighted scores: a resample reweights them, it does not move them.
    """
    w = _weights(y, weights)
    gaps = np.abs(w @ bin_gaps(y, p, equal_mass_bins(p, bins))).sum(-1)
    return ratio(gaps, w.sum(-1, dtype=float))[()]


def net_gains(y: Array, p: Array, *, threshold: float) -> Array:
    """Terms (n,) whose weighted mean is the net benefit of acting at p >= threshold."""
    return np.where(y == 1, 1.0, -threshold / (1.0 - threshold)) * (p >= threshold)


def net_benefit(y: Array, p: Array, *, threshold: float, weights: Array | None = None) -> Any:
    """Net benefit of acting at p >= threshold, in true positives per sample.

    Reference: Vickers & Elkin, Medical Decision Making 2006.
    """
    w = _weights(y, weights)
    return ratio(w @ net_gains(y, p, threshold=threshold), w.sum(-1, dtype=float))[()]


def confusion_cells(truth: Array, predicted: Array, classes: int) -> Array:
    """Terms (n, classes * classes): 1 in the cell (truth, prediction) of each sample."""
    return ((truth * classes + predicted)[:, None] == np.arange(classes * classes)).astype(float)


def confusion(
    truth: Array, predicted: Array, *, classes: int, weights: Array | None = None
) -> Array:
    """Counts of shape (..., classes, classes): rows the truth, columns the prediction.

    `truth` and `predicted` are class numbers of shape (n,).
    """
    w = _weights(truth, weights)
    cells = w @ confusion_cells(truth, predicted, classes)
    return cells.reshape(*w.shape[:-1], classes, classes)


def weighted_f1(matrix: Array) -> Any:
    """F1 of each class, averaged by how often it is true; from `confusion` (..., k, k).

    A class that is neither true nor predicted has F1 0 and, with no support, no influence.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    support, named = matrix.sum(-1), matrix.sum(-2)
    f1 = np.nan_to_num(ratio(2 * hits, support + named))
    return ratio((f1 * support).sum(-1), support.sum(-1))[()]


def quadratic_kappa(matrix: Array) -> Any:
    """Cohen's kappa with quadratic weights, for ordered classes; from `confusion` (..., k, k).

    Undefined (nan) where truth and prediction are one and the same class throughout.
    """
    steps = np.arange(matrix.shape[-1])
    cost = np.square(steps[:, None] - steps)
    chance = matrix.sum(-1)[..., :, None] * matrix.sum(-2)[..., None, :]
    expected = (cost * chance).sum((-2, -1)) / np.maximum(matrix.sum((-2, -1)), 1e-300)
    return (1.0 - ratio((cost * matrix).sum((-2, -1)), expected))[()]


def under_triage(matrix: Array) -> Any:
    """Share of samples put in a less urgent class than the true one.

    Classes run from the most urgent to the least; from `confusion` (..., k, k).
    Reference: Sax et al., JAMA Network Open 2023 (share of all visits).
    """
    return ratio(np.triu(matrix, 1).sum((-2, -1)), matrix.sum((-2, -1)))[()]


def over_triage(matrix: Array) -> Any:
    """Share of samples put in a more urgent class than the true one: what caution costs."""
    return ratio(np.tril(matrix, -1).sum((-2, -1)), matrix.sum((-2, -1)))[()]
