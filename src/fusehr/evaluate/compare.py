"""Paired comparisons: every recipe with a reference, with a second one, with a part of itself.

A p-value counts the draws on the far side of zero:
p = 2 min(#(d <= 0) + 1, #(d >= 0) + 1) / (B + 1), at most 1.

The family of Holm's adjustment is the tasks of one recipe: each recipe is a claim of its own, made
on several tasks. `low_holm` is the lower bound that goes with the one-sided claim of being better.
Tasks stand in the order of their evidence; the k-th of m has its 2.5 % / (m - k + 1) quantile, and
from the first on that does not exclude zero none is above zero. So it is above zero exactly where
Holm's procedure confirms the claim, any false claim being made with a probability of 2.5 % at most.
Its size is that of a bound at its own step, not one of a simultaneous interval. Where lower values
are better it is the upper bound, and below zero where the claim is confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fusehr.core.metrics import Array
from fusehr.evaluate.gather import Scores
from fusehr.evaluate.outputs import BOARD, INTERVAL
from fusehr.evaluate.pairs import BEHIND, DIFFERENCE, Difference, Drawn, difference, sign

ERROR = INTERVAL[0]  # of a one-sided claim

SUPERIORITY, NONINFERIORITY = "superiority", "non-inferiority"
SUPERIOR, NONINFERIOR, WORSE, NOT_SHOWN = "superior", "non-inferior", "worse", "not shown"

TESTED = ("p", "p_holm", "low_holm", "margin", "claim", "verdict")
PAIRED = ("task", "recipe", "reference", *DIFFERENCE, *TESTED, *BEHIND)
UNIMODAL = (
    *("task", "recipe", "unimodal", *DIFFERENCE),
    *("p", "p_holm", "low_holm", "verdict", *BEHIND),
)


def holm(p: Array) -> Array:
    """Holm's step-down adjusted p-values, in the given order; nan stays nan and does not count.

    Reference: Holm, Scandinavian Journal of Statistics 1979.
    """
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def holm_bounds(improvements: Sequence[Array]) -> Array:
    """Lower bounds (m,) of m improvements from their draws (b,), as the module's text says."""
    m = len(improvements)
    strictest = [np.quantile(draws, ERROR / m) for draws in improvements]
    evidence = [np.mean(draws <= 0) for draws in improvements]
    bounds, excluded = np.full(m, np.nan), True
    for k, i in enumerate(np.lexsort((np.negative(strictest), evidence))):
        bound = np.quantile(improvements[i], ERROR / (m - k))
        excluded = bool(excluded and bound > 0)
        bounds[i] = bound if excluded else min(bound, 0.0)
    return bounds


def two_sided_p(differences: Array) -> float:
    """Bootstrap p-value of no difference, from the defined draws' differences."""
    sides = min(np.sum(differences <= 0), np.sum(differences >= 0))
    return float(min(1.0, 2.0 * (sides + 1) / (len(differences) + 1)))


def paired_with_reference(
    scores: Scores,
    *,
    reference: str,
    noninferior: tuple[str, float],
    primary: Mapping[str, str],
) -> pd.DataFrame:
    """Columns PAIRED: differences to the reference on every board metric, and to a second recipe.

    noninferior: the second recipe and its margin, above 0. Only a task's primary metric is tested:
    for being better than `reference` (`claim` superiority), and for not being worse than the second
    recipe by the margin (`claim` non-inferiority). The latter is shown where the worse end of the
    95 % interval, a one-sided bound at 97.5 %, is within the margin; tasks are not adjusted for.
    `verdict` is `worse` where the opposite is shown: of superiority that p_holm is below 5 %, of
    non-inferiority that the interval lies beyond the margin.
    """
    drawn = Drawn(scores)
    rows = []
    for recipe in scores.ranked:
        if recipe != reference:
            rows += _superiority(drawn, scores.tasks, recipe, reference, primary)
        if recipe != noninferior[0]:
            rows += _noninferiority(drawn, scores.tasks, recipe, *noninferior, primary)
    return pd.DataFrame(rows, columns=list(PAIRED))


def paired_with_unimodal(
    scores: Scores, *, unimodal: Mapping[str, str], primary: Mapping[str, str]
) -> pd.DataFrame:
    """Each recipe of `unimodal` against the one that sees less; columns UNIMODAL."""
    drawn = Drawn(scores)
    rows = []
    for recipe in scores.ranked:
        if recipe in unimodal:
            other = unimodal[recipe]
            own = _superiority(drawn, scores.tasks, recipe, other, primary)
            rows += [row | {"unimodal": other} for row in own if row["claim"]]
    return pd.DataFrame(rows, columns=list(UNIMODAL))


def _superiority(
    drawn: Drawn, tasks: Sequence[str], recipe: str, reference: str, primary: Mapping[str, str]
) -> list[dict[str, Any]]:
    found: list[tuple[str, Difference]] = []
    for task in tasks:
        for metric in BOARD:
            one, other = (drawn.value(task, name, metric) for name in (recipe, reference))
            if (paired := difference(one, other, metric)) is not None:
                found.append((task, paired))
    tested = [primary[task] == paired.metric for task, paired in found]
    p = np.array(
        [
            two_sided_p(paired.defined) if own else np.nan
            for (_, paired), own in zip(found, tested, strict=True)
        ]
    )
    improvements = [
        paired.defined * sign(paired.metric)
        for (_, paired), own in zip(found, tested, strict=True)
        if own
    ]
    low = np.full(len(found), np.nan)
    low[np.array(tested, bool)] = holm_bounds(improvements)
    rows = []
    for (task, paired), own, *values in zip(found, tested, p, holm(p), low, strict=True):
        p_one, p_holm, bound = values
        row: dict[str, Any] = {"task": task, "recipe": recipe, "reference": reference}
        row |= paired.row() | {"p": p_one, "p_holm": p_holm, "claim": "", "verdict": ""}
        if own:
            side = sign(paired.metric)
            worse = p_holm < 2 * ERROR and paired.value * side < 0
            verdict = SUPERIOR if bound > 0 else WORSE if worse else NOT_SHOWN
            row |= {"low_holm": bound * side, "claim": SUPERIORITY, "verdict": verdict}
        rows.append(row)
    return rows


def _noninferiority(
    drawn: Drawn,
    tasks: Sequence[str],
    recipe: str,
    against: str,
    margin: float,
    primary: Mapping[str, str],
) -> list[dict[str, Any]]:
    rows = []
    for task in tasks:
        metric = primary[task]
        one, other = (drawn.value(task, name, metric) for name in (recipe, against))
        if (paired := difference(one, other, metric)) is None:
            continue
        worst, best = np.quantile(paired.defined * sign(metric), INTERVAL)
        row = {"task": task, "recipe": recipe, "reference": against, **paired.row()}
        verdict = NONINFERIOR if worst > -margin else WORSE if best < -margin else NOT_SHOWN
        rows.append(row | {"margin": margin, "claim": NONINFERIORITY, "verdict": verdict})
    return rows
