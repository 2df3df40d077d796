"""The worst group of each recipe and task: how far it is behind, and how far one would be anyway.

The largest of several differences is above zero where nothing differs. So beside the gap stands
p, adjusted for that: the share of draws in which the largest deviation of any group's gap from its
own value, over its standard error, is at least the worst group's gap over its own (max-T, single
step). The gap's interval is that of the group that is worst on the whole fold, and not adjusted.

Reference: Westfall & Young, Resampling-Based Multiple Testing, 1993.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fusehr.core.metrics import Array
from fusehr.evaluate.subgroups.groups import ANY, ATTRIBUTES
from fusehr.evaluate.subgroups.performance import METHOD, Scored, interval

GAPS = (
    *("task", "recipe", "attribute", "worst", "metric", "gap", "gap_low", "gap_high"),
    *("p", "groups", "n", "n_patients", "draws", "undefined_draws", "seeds", "method"),
)


def worst_gaps(scored: Sequence[Scored]) -> pd.DataFrame:
    """Columns GAPS: a row a task, recipe and attribute with two groups at least, and `any`."""
    by: dict[tuple[str, str], list[Scored]] = {}
    for one in scored:
        by.setdefault((one.task, one.recipe), []).append(one)
    rows = []
    for own in by.values():
        sets = {name: [one for one in own if one.group.attribute == name] for name in ATTRIBUTES}
        compared = {name: ones for name, ones in sets.items() if len(ones) > 1}
        if len(own) > 1:
            compared[ANY] = own
        rows += [_worst(name, ones) for name, ones in compared.items()]
    return pd.DataFrame(rows, columns=list(GAPS))


def _worst(attribute: str, ones: list[Scored]) -> dict[str, Any]:
    gaps = np.array([one.gap for one in ones])
    first = int(gaps.argmax())
    worst = ones[first]
    draws = np.stack([one.behind for one in ones])  # (groups, draws)
    defined = np.isfinite(draws).all(axis=0)
    low, high = interval(worst.behind)
    name = worst.group.name
    if attribute == ANY:
        name = f"{worst.group.attribute} {name}"
    sizes = worst.group.sizes
    assert sizes is not None  # a group without sizes has no value
    return {
        "task": worst.task,
        "recipe": worst.recipe,
        "attribute": attribute,
        "worst": name,
        "metric": worst.metric,
        "gap": worst.gap,
        "gap_low": low,
        "gap_high": high,
        "p": _adjusted_p(gaps, draws[:, defined], first),
        "groups": len(ones),
        "n": sizes.n,
        "n_patients": sizes.n_patients,
        "draws": draws.shape[1],
        "undefined_draws": int(np.count_nonzero(~defined)),
        "seeds": worst.seeds,
        "method": METHOD,
    }


def _adjusted_p(gaps: Array, draws: Array, worst: int) -> float:
    """gaps (g,), draws (g, b) without nan; nan where they do not vary."""
    if draws.shape[1] < 2:
        return np.nan
    errors = draws.std(axis=1)
    varied = errors > 0
    if not varied[worst]:
        return np.nan
    deviations = (draws[varied] - gaps[varied, None]) / errors[varied, None]
    largest = deviations.max(axis=0)
    reached = np.count_nonzero(largest >= gaps[worst] / errors[worst])
    return float((reached + 1) / (len(largest) + 1))
