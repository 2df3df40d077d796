"""Students beside the teacher: values, differences, the share of the gap, what is kept of chance.

The gap is the teacher's value less that of the student without distillation. What is retained is
the teacher's distance from chance. Shares are those of ceiling.py: a draw without a gap may stand
for any share, and an end of the interval that falls on such draws is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fusehr.core.params.distill import BASELINE, STUDENT
from fusehr.evaluate.ceiling import share_of_way
from fusehr.evaluate.compare import two_sided_p
from fusehr.evaluate.outputs import INTERVAL
from fusehr.evaluate.pairs import BEHIND, DIFFERENCE, Value, difference
from fusehr.evaluate.students.names import COPY, TEACHER
from fusehr.evaluate.students.new_onset import NEW_ONSET
from fusehr.evaluate.students.values import Values
from fusehr.evaluate.tables import METHOD

CHANCE = 0.5  # of an AUROC, whatever the shares of the classes
FROM_CHANCE = ("auroc", NEW_ONSET)

MINUS = f"minus_{BASELINE}"
SHARE, KEPT = "share_of_gap", "retained"
COLUMNS = (
    *("task", "student", "metric", "value", "low", "high"),
    *(MINUS, f"{MINUS}_low", f"{MINUS}_high", f"{MINUS}_p"),
    *(SHARE, f"{SHARE}_low", f"{SHARE}_high", f"{SHARE}_undefined_draws"),
    *(KEPT, f"{KEPT}_low", f"{KEPT}_high", f"{KEPT}_undefined_draws"),
    *(*BEHIND, "reason"),
)
PAIRED = ("task", "student", "against", *DIFFERENCE, "p", *BEHIND)
COUNTS = ("n", "n_patients", "draws", "undefined_draws")

# Whom the served student is held against, besides the one that all are.
AGAINST = (
    *(TEACHER, "full", "logits_unlabelled", "attention_unlabelled", "smoothed", "permuted"),
    COPY,
)


def students_table(values: Values) -> pd.DataFrame:
    """Columns COLUMNS: a row a task, name and metric; what does not exist is empty.

    Of the teacher and the baseline themselves no share is given.
    """
    rows = []
    for task in values.tasks:
        for metric in values.metrics[task]:
            for name in values.names(task):
                row = {"task": task, "student": name, "metric": metric}
                own = values.value(task, name, metric)
                if own is None:
                    row["reason"] = values.reasons[task, name, metric]
                else:
                    row |= _value(own) | _compared(values, task, name, metric)
                rows.append(row)
    counts = (*COUNTS, f"{SHARE}_undefined_draws", f"{KEPT}_undefined_draws")
    return _typed(pd.DataFrame(rows, columns=list(COLUMNS)), counts)


def paired_table(values: Values) -> pd.DataFrame:
    """Columns PAIRED: everyone less the baseline, the student less each of AGAINST.

    p is two-sided and not adjusted for the number of comparisons.
    """
    pairs = [(name, BASELINE) for name in (TEACHER, *values.variants, COPY) if name != BASELINE]
    pairs += [(STUDENT, other) for other in AGAINST]
    rows = []
    for task in values.tasks:
        for metric in values.metrics[task]:
            for name, other in pairs:
                one, two = (values.value(task, who, metric) for who in (name, other))
                if (paired := difference(one, two, metric)) is not None:
                    row = {"task": task, "student": name, "against": other, **paired.row()}
                    rows.append(row | {"p": two_sided_p(paired.defined)})
    return _typed(pd.DataFrame(rows, columns=list(PAIRED)), COUNTS)


def _value(own: Value) -> dict[str, Any]:
    defined = own.draws[np.isfinite(own.draws)]
    low, high = np.quantile(defined, INTERVAL) if len(defined) else (np.nan, np.nan)
    return {
        "value": own.value,
        "low": low,
        "high": high,
        "n": own.n,
        "n_patients": own.n_patients,
        "draws": len(own.draws),
        "undefined_draws": len(own.draws) - len(defined),
        "seeds": own.seeds,
        "method": METHOD,
        "reason": "",
    }


def _compared(values: Values, task: str, name: str, metric: str) -> dict[str, Any]:
    own, teacher, base = (values.value(task, who, metric) for who in (name, TEACHER, BASELINE))
    row: dict[str, Any] = {}
    made, gap = difference(own, base, metric), difference(teacher, base, metric)
    if name != BASELINE and made is not None:
        low, high = np.quantile(made.defined, INTERVAL)
        row |= {MINUS: made.value, f"{MINUS}_low": low, f"{MINUS}_high": high}
        row[f"{MINUS}_p"] = two_sided_p(made.defined)
        if name != TEACHER and gap is not None:
            row |= _renamed(share_of_way(made, gap), SHARE)
    if name != TEACHER and metric in FROM_CHANCE:
        above, whole = (difference(one, _chance(one), metric) for one in (own, teacher))
        if above is not None and whole is not None:
            row |= _renamed(share_of_way(above, whole), KEPT)
    return row


def _chance(one: Value | None) -> Value | None:
    if one is None:
        return None
    return Value(CHANCE, np.full(len(one.draws), CHANCE), one.n, one.n_patients, one.seeds)


def _renamed(share: dict[str, float], name: str) -> dict[str, float]:
    return {key.replace("share", name, 1): value for key, value in share.items()}


def _typed(frame: pd.DataFrame, counts: tuple[str, ...]) -> pd.DataFrame:
    """Counts as whole numbers, also where some are missing; everything else as it is."""
    texts = {"task", "student", "against", "metric", "seeds", "method", "reason", *counts}
    numbers = {name: float for name in frame.columns if name not in texts}
    return frame.astype(dict.fromkeys(counts, "Int64") | numbers)  # type: ignore[arg-type]
