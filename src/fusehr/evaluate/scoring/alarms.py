"""What an early-warning score costs at the bedside: alarms per patient-day.

The threshold is the highest at which the wanted share of deteriorations is announced. Predictions
name windows, not events; the positive windows of one patient count as one event, announced when
any of them alarms. Every window at or above the threshold is an alarm and stands for the hours to
the next window.
"""

from __future__ import annotations

import numpy as np

from fusehr.core.metrics import Array


class Alarms:
    """Windows sorted once, to be counted under many patient weights."""

    def __init__(
        self, y: Array, p: Array, patients: Array, *, sensitivity: float, step_hours: float
    ) -> None:
        self._sensitivity, self._days = sensitivity, step_hours / 24.0
        self._order = np.argsort(-p, kind="stable")
        self._positive = y[self._order] == 1
        # The best positive window of each patient, best first: the first of its kind in the order.
        hits = self._order[self._positive]
        first = np.sort(np.unique(patients[hits], return_index=True)[1])
        self._events = hits[first]
        descending = -p[self._order]
        self._upto = np.searchsorted(descending, -p[self._events], side="right") - 1

    def values(self, weights: Array) -> dict[str, Array]:
        """Metrics of shape (b,) for weights (b, n) that are constant within a patient."""
        b = weights.shape[0]
        if len(self._events) == 0:
            nothing = np.full(b, np.nan)
            return {"alarms_per_patient_day": nothing, "alarm_ppv": nothing.copy()}
        ordered = weights[:, self._order]
        announced = np.cumsum(weights[:, self._events], axis=1, dtype=np.int64)
        wanted = self._sensitivity * announced[:, -1:] - 1e-9
        threshold = self._upto[np.argmax(announced >= wanted, axis=1)]  # (b,)
        rows = np.arange(b)
        alarms = np.cumsum(ordered, axis=1, dtype=weights.dtype)[rows, threshold]
        true = np.cumsum(ordered * self._positive, axis=1, dtype=weights.dtype)[rows, threshold]
        days = weights.sum(1, dtype=float) * self._days
        none = announced[:, -1] == 0
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "alarms_per_patient_day": np.where(none, np.nan, alarms / days),
                "alarm_ppv": np.where(none, np.nan, true / alarms),
            }
