"""Logistic recalibration: its maximum-likelihood fit, and what resamples of the data would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.core.metrics import BLOCK_CELLS, Array, Weights, per_unit, ratio, undefined_reason

# Probabilities of exactly 0 or 1 have no logit; a score is never taken as surer than this.
LOGIT_CLIP = 1e-6


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

    def resampled(
        self, y: Array, p: Array, weights: Weights, *, owner: Array | None = None
    ) -> tuple[Array, Array]:
        """Slope and intercept of resamples of the data fitted on, each (b,).

        weights: (units, b); owner: the unit of each score, (n,), by default its own position.

        Two Newton steps from this fit, after which the error is of order 1/n^2, small beside a
        bootstrap's spread of 1/sqrt(n). All draws share the first step's start, so it is a matrix
        product; the second runs in single precision, as its own error is what it corrects.
        Reference: Davidson & MacKinnon, International Economic Review 1999.
        """
        units, b = weights.whole.shape
        if self.reason:
            nothing = np.full(b, np.nan)
            return nothing, nothing.copy()
        owner = np.arange(units) if owner is None else owner
        z, risk = logit(p), self.apply(p)
        powers = np.stack([np.ones_like(z), z, z * z], axis=1)  # (n, 3)
        rest, spread = y - risk, risk * (1.0 - risk)
        columns = (
            rest[:, None] * powers[:, :2],
            spread[:, None] * powers,
            y[:, None] * powers[:, :2],
        )
        sums = per_unit(np.concatenate(columns, axis=1), owner, units).T @ weights.double  # (7, b)
        step_0, step_1 = _newton_step(sums[:2], sums[2:5])
        intercept, slope = self.intercept + step_0, self.slope + step_1

        single = powers.astype(np.float32)
        line = np.stack([-intercept, -slope]).astype(np.float32)
        fitted, squares = np.zeros((2, 3, b))  # sums of w r z^k and of w r^2 z^k, r the risk
        size = max(1, BLOCK_CELLS // max(b, 1))
        for start in range(0, len(p), size):
            own = single[start : start + size]
            odds = own[:, :2] @ line  # (k, b)
            with np.errstate(over="ignore"):
                np.exp(odds, out=odds)
            np.add(odds, 1, out=odds)
            weighted = weights.single.take(owner[start : start + size], axis=0)
            np.divide(weighted, odds, out=weighted)
            fitted += own.T @ weighted
            np.divide(weighted, odds, out=weighted)
            squares += own.T @ weighted
        step_0, step_1 = _newton_step(sums[5:] - fitted[:2], fitted - squares)
        return slope + step_1, intercept + step_0


def _newton_step(gradient: Array, curvature: Array) -> tuple[Array, Array]:
    """Steps of intercept and slope; gradient (2, b), curvature (3, b): sums of s, s z, s z^2."""
    g_0, g_1 = gradient
    h_00, h_01, h_11 = curvature
    det = h_00 * h_11 - h_01 * h_01
    return ratio(h_11 * g_0 - h_01 * g_1, det), ratio(h_00 * g_1 - h_01 * g_0, det)


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
