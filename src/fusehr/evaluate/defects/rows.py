"""Rows of the table of defects: a published shortcut and its repair, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

import numpy as np
import pandas as pd

DECIMALS = 4

Version = Literal["published", "repaired"]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; nan, and a reason, where there is none.

    n: samples behind it, of n_patients. What is exactly so of a network has no interval.
    """

    value: float
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    n_patients: int = 0
    method: str = "exact"
    reason: str = ""


def skipped(reason: str) -> Estimate:
    """No number, and why."""
    return Estimate(np.nan, method="", reason=reason)


@dataclass(frozen=True)
class Row:
    """One number of one version.

    recipe: the name that a reproduction goes by, so that nobody takes it for the system. data: what
    it was shown on. expected: what a sound evaluation gives there, empty where nobody knows.
    """

    defect: str
    system: str
    recipe: str
    version: Version
    data: str
    metric: str
    value: float
    low: float
    high: float
    expected: str
    n: int
    n_patients: int
    method: str
    note: str


@dataclass(frozen=True)
class Comparison:
    """A defect of a system, and what the published and the repaired version of it do."""

    defect: str
    system: str
    published: str
    repaired: str
    published_does: str
    repaired_does: str

    def rows(
        self, data: str, metric: str, expected: str, *, published: Estimate, repaired: Estimate
    ) -> list[Row]:
        """Two rows: what either version gave on the same data."""
        versions: tuple[tuple[Version, str, str, Estimate], ...] = (
            ("published", self.published, self.published_does, published),
            ("repaired", self.repaired, self.repaired_does, repaired),
        )
        return [
            Row(
                defect=self.defect,
                system=self.system,
                recipe=recipe,
                version=version,
                data=data,
                metric=metric,
                value=found.value,
                low=found.low,
                high=found.high,
                expected=expected,
                n=found.n,
                n_patients=found.n_patients,
                method=found.method,
                note=f"skipped: {found.reason}" if found.reason else does,
            )
            for version, recipe, does, found in versions
        ]


def as_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows in their order; numbers rounded to DECIMALS, sizes of 0 left empty."""
    columns = [field.name for field in fields(Row)]
    frame = pd.DataFrame([asdict(row) for row in rows], columns=columns)
    rounded = {name: frame[name].round(DECIMALS) + 0.0 for name in ("value", "low", "high")}
    sizes = {
        name: frame[name].where(frame[name] > 0).astype("Int64") for name in ("n", "n_patients")
    }
    return frame.assign(**rounded, **sizes)
