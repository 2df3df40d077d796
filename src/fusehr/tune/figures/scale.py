"""Where a parameter's value stands between the ends of its domain, and what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusehr.core.params.tune import Choices, Domain, Value
from fusehr.evaluate.figures.style import METRICS


@dataclass(frozen=True)
class Scale:
    """Positions from 0, the low end, to 1, the high end; choices stand at equal distances."""

    domain: Domain

    @property
    def label(self) -> str:
        """What to add to the parameter's name."""
        logarithmic = not isinstance(self.domain, Choices) and self.domain.log
        return " (log)" if logarithmic else ""

    def at(self, value: Value) -> float:
        """The position of `value`."""
        if isinstance(self.domain, Choices):
            return self.domain.choices.index(value) / (len(self.domain.choices) - 1)
        low, high, own = (float(one) for one in (self.domain.low, self.domain.high, value))
        if self.domain.log:
            low, high, own = np.log([low, high, own]).tolist()
        return (own - low) / (high - low)

    def ticks(self) -> tuple[list[float], list[str]]:
        """Positions and texts: every choice, else the ends and the middle."""
        if isinstance(self.domain, Choices):
            return [self.at(one) for one in self.domain.choices], [
                str(c) for c in self.domain.choices
            ]
        low, high = float(self.domain.low), float(self.domain.high)
        middle = float(np.sqrt(low * high)) if self.domain.log else (low + high) / 2
        return [0.0, 0.5, 1.0], [f"{one:.2g}" for one in (low, middle, high)]


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """The last part of each dotted path, or as many as tell it from the others, as text."""
    names = {}
    for path in paths:
        parts = path.split(".")
        for size in range(1, len(parts) + 1):
            end = parts[-size:]
            if sum(other.split(".")[-size:] == end for other in paths) == 1:
                break
        names[path] = " ".join(end).replace("_", " ")
    return names


def metric_label(metric: str) -> str:
    """A metric of validation samples, on an axis."""
    return f"{METRICS[metric]}, validation"
