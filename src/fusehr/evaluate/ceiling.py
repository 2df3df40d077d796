"""How far recipes are from the ceiling, and which share of the way to it from the reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fusehr.core.metrics import Array
from fusehr.evaluate.gather import ATTAINABLE, Scores
from fusehr.evaluate.outputs import INTERVAL
from fusehr.evaluate.pairs import BEHIND, DIFFERENCE, Difference, Drawn, difference, sign

SHARE = ("share_from", "share", "share_low", "share_high", "share_undefined_draws")
CEILING = ("task", "recipe", "reference", *DIFFERENCE, *SHARE, *BEHIND, "verdict")


def paired_with_ceiling(
    scores: Scores, *, reference: str, primary: Mapping[str, str]
) -> pd.DataFrame:
    """Differences to the attainable ceiling on the primary metric; columns CEILING.

    `verdict` is `above` where the whole interval lies on the better side of the ceiling: no model
    can be there honestly, so it is a fault of the generator, or a leak.

    `share` is the share of the way from `reference` to the ceiling: 0 at the one, 1 at the other.
    """
    drawn = Drawn(scores)
    rows = []
    for recipe in scores.ranked if ATTAINABLE in scores.recipes else ():
        for task in scores.tasks:
            metric = primary[task]
            own, base, top = (
                drawn.value(task, name, metric) for name in (recipe, reference, ATTAINABLE)
            )
            if (paired := difference(own, top, metric)) is None:
                continue
            row = {"task": task, "recipe": recipe, "reference": ATTAINABLE, **paired.row()}
            better = row["high"] < 0 if sign(metric) < 0 else row["low"] > 0
            row |= {"share_from": reference, "verdict": "above" if better else "ok"}
            made, whole = difference(own, base, metric), difference(top, base, metric)
            if made is not None and whole is not None:
                row |= share_of_way(made, whole)
            rows.append(row)
    return pd.DataFrame(rows, columns=list(CEILING))


def share_of_way(made: Difference, whole: Difference) -> dict[str, float]:
    """`made` over `whole` with its interval; both are differences to the reference.

    A draw in which the ceiling is not above the reference has no share. It may stand for any, so it
    counts as the lowest for one end of the interval and as the highest for the other; an end that
    falls on such draws is nan.
    """
    up = sign(whole.metric)
    both = np.isfinite(made.draws) & np.isfinite(whole.draws)
    steps, ways = made.draws[both] * up, whole.draws[both] * up
    exists = ways > 0
    shares = np.full(len(ways), np.nan)
    shares[exists] = steps[exists] / ways[exists]
    return {
        "share": made.value / whole.value if whole.value * up > 0 else np.nan,
        "share_low": _end(np.where(exists, shares, -np.inf), INTERVAL[0]),
        "share_high": _end(np.where(exists, shares, np.inf), INTERVAL[1]),
        "share_undefined_draws": len(made.draws) - int(exists.sum()),
    }


def _end(shares: Array, quantile: float) -> float:
    with np.errstate(invalid="ignore"):  # between two infinities
        end = float(np.quantile(shares, quantile))
    return end if np.isfinite(end) else np.nan
