"""Nothing about a few people of a restricted source: counts below a limit are hidden."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fusehr.core.frame.tasks import TRIAGE_CLASSES


def shown(count: int, *, small: int) -> str:
    """A count as text with thousands separated, or "<10" (with the limit's own number)."""
    return f"<{small}" if 0 < count < small else f"{count:,}"


def hide_measures(measures: pd.DataFrame, *, small: int) -> pd.DataFrame:
    """Measures (see measures.measure) without those that few people have, or few have not."""
    few = (measures["people"] > 0) & (measures["people"] < small)
    few |= (measures["others"] > 0) & (measures["others"] < small)
    few |= measures["n"] < small
    return measures[~few.fillna(False).astype(bool)].reset_index(drop=True)


def hide_labels(labels: pd.DataFrame, *, small: int) -> pd.DataFrame:
    """Prevalence by task, class and fold (see contents.labels) without what tells of few people.

    Where one fold alone of a class is hidden, the fold with the fewest positives of the others goes
    too: the class's total may be known elsewhere. So does a second urgency of a fold, as urgencies
    add up to its samples.
    """
    hidden = np.zeros(len(labels), dtype=bool)
    for column in ("positive_patients", "negative_patients"):
        hidden |= labels[column].between(1, small - 1).to_numpy()
    positive = labels["positive"].to_numpy(np.int64)
    urgency = labels["class"].isin(TRIAGE_CLASSES)
    places = pd.Series(np.arange(len(labels)))
    sums = [rows.to_numpy() for _, rows in places.groupby([labels["task"], labels["class"]])]
    sums += [rows.to_numpy() for _, rows in places[urgency].groupby(labels["fold"][urgency])]
    changed = True
    while changed:
        changed = False
        for rows in sums:
            left = rows[~hidden[rows]]
            if hidden[rows].sum() == 1 and len(left):
                hidden[left[positive[left].argmin()]] = changed = True
    return labels.assign(
        positive=labels["positive"].mask(hidden), prevalence=labels["prevalence"].mask(hidden)
    )


def hide_hours(by_hour: pd.DataFrame, *, small: int) -> pd.DataFrame:
    """Shares by variable and hour (presence_by_hour.sql) without those that few people make."""
    few = by_hour["people"].between(1, small - 1) | by_hour["others"].between(1, small - 1)
    return by_hour.assign(share=by_hour["share"].mask(few))
