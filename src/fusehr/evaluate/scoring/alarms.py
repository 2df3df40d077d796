"""What an early-warning score costs at the bedside: alarms per patient-day.

The threshold is the highest at which the wanted share of deteriorations is announced. Predictions
name windows, not events; the positive windows of one patient count as one event, announced when
any of them alarms. Every window at or above the threshold is an alarm and stands for the hours to
the next window.
"""

from __future__ import annotations

import numpy as np

from fusehr.core.metrics import Array, Weights, ratio, running_sums


class Alarms:
    """Windows sorted once, to be counted under many patient weights."""

    def __init__(
        self, y: Array, p: Array, patients: Array, *, sensitivity: float, step_hours: float
    ) -> None:
        """patients: the row of the weights that each window has, (n,)."""
        self._sensitivity, self._days = sensitivity, step_hours / 24.0
        order = np.argsort(-p, kind="stable")
        self._windows = patients[order]
        positive = y[order] == 1
        self._hits = self._windows[positive]
        # The best positive window of each patient, best first: the first of its kind in the order.
        first = np.sort(np.unique(self._hits, return_index=True)[1])
        self._events = self._hits[first]
        best = -p[order[positive][first]]
        # windows, and positive ones, at or above the threshold of each event
        self._upto = np.searchsorted(-p[order], best, side="right")
        self._hits_upto = np.searchsorted(-p[order[positive]], best, side="right")

    def values(self, weights: Weights) -> dict[str, Array]:
        """Metrics of shape (b,) for weights (patients, b)."""
        units, b = weights.whole.shape
        if len(self._events) == 0:
            nothing = np.full(b, np.nan)
            return {"alarms_per_patient_day": nothing, "alarm_ppv": nothing.copy()}
        zero = np.zeros(b, np.int32)
        counted = np.arange(1, len(self._events) + 1)
        announced = running_sums(weights.whole, self._events, counted, zero)  # (events, b)
        wanted = self._sensitivity * announced[-1] - 1e-9
        threshold = np.argmax(announced >= wanted, axis=0)
        draws = np.arange(b)
        alarms = running_sums(weights.whole, self._windows, self._upto, zero)[threshold, draws]
        true = running_sums(weights.whole, self._hits, self._hits_upto, zero)[threshold, draws]
        days = np.bincount(self._windows, minlength=units) @ weights.double * self._days
        none = announced[-1] == 0
        return {
            "alarms_per_patient_day": np.where(none, np.nan, ratio(alarms, days)),
            "alarm_ppv": np.where(none, np.nan, ratio(true, alarms)),
        }
