"""Hide small cells, so that nothing written about a restricted source is about a few people.

A count below the limit becomes "<10" (with the limit's own number), and the values computed from it
go. A hidden count must not follow from the ones left standing, so its complements go too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fusehr.core.metrics import Array

ALWAYS = ("n", "n_patients")  # sizes that are hidden only when they are small themselves
SPLIT = ("n_positive", "positive_patients", "negative_patients")  # one tells of another


def hide_support(
    frame: pd.DataFrame, *, small: int, values: tuple[str, ...], by: tuple[str, ...]
) -> pd.DataFrame:
    """Hide rows of a frame with the support columns (see labels.Support), and their `values`.

    by: the columns that, with the task, name the rows of the classes of one condition.
    """
    pooled = frame["class"].isin(("macro", "micro", "all"))
    negatives = frame["n"] - frame["n_positive"]
    cells = frame[[*ALWAYS, *SPLIT]].assign(negatives=negatives)
    # Pooled scopes count a sample once per class; only their numbers of patients are cells.
    cells.loc[pooled, ["n_positive", "negatives"]] = np.iinfo(np.int64).max
    hidden = (cells < small).any(axis=1).to_numpy()
    exclusive = frame["task"].eq("triage") & ~pooled
    sets = _sets(frame, by)
    hidden = accompanied(hidden, frame["n_positive"].to_numpy(), sets.where(exclusive).to_numpy())
    out = frame.copy()
    for column in (*ALWAYS, *SPLIT):
        out[column] = _shown(frame[column], hidden & (column in SPLIT), small)
    out[list(values)] = out[list(values)].mask(pd.Series(hidden, index=out.index), axis=0)
    return out


def hide_bins(frame: pd.DataFrame, *, small: int, by: tuple[str, ...]) -> pd.DataFrame:
    """Hide calibration bins with few samples or few of either outcome; one set of bins per `by`."""
    yes, n = frame["n_positive"].to_numpy(), frame["n"].to_numpy()
    few = np.minimum(np.minimum(yes, n - yes), n) < small
    hidden = accompanied(few, yes, _sets(frame, by).to_numpy())
    return frame.assign(
        observed=frame["observed"].mask(pd.Series(hidden, index=frame.index)),
        n_positive=_shown(frame["n_positive"], hidden, small),
        n=_shown(frame["n"], np.zeros(len(frame), bool), small),
    )


def _sets(frame: pd.DataFrame, by: tuple[str, ...]) -> pd.Series:
    """One name a row from the columns `by`."""
    names = frame[by[0]].astype(str)
    for column in by[1:]:
        names = names + "/" + frame[column].astype(str)
    return names


def accompanied(hidden: Array, counts: Array, sets: Array) -> Array:
    """`hidden` (n,) with one more row, that of the smallest count, in each set that hides just one.

    The counts of a set add up to a known total, which would give a single hidden one away.
    sets: (n,) names; rows without a name (nan) belong to none.
    """
    hidden = hidden.copy()
    for _, rows in pd.Series(np.arange(len(hidden))).groupby(sets):
        members = rows.to_numpy()
        shown = members[~hidden[members]]
        if len(shown) and hidden[members].sum() == 1:
            hidden[shown[counts[shown].argmin()]] = True
    return hidden


def _shown(counts: pd.Series, hidden: Array, small: int) -> Array:
    """Counts as text: empty where hidden, "<10" where themselves below the limit."""
    text = np.where(hidden, "", counts.astype(str).to_numpy(object))
    return np.where(counts < small, f"<{small}", text)


def hidden_cells(matrix: Array, *, small: int) -> Array:
    """Which cells of a confusion matrix (k, k) to hide: bool (k, k).

    Row and column sums are known elsewhere, so no row or column may hide a single cell.
    """
    hidden = matrix < small
    changed = True
    while changed:
        changed = False
        for lines, mask in ((matrix, hidden), (matrix.T, hidden.T)):
            for line, off in zip(lines, mask, strict=True):
                if off.sum() == 1:
                    off[np.where(off, np.inf, line).argmin()] = True
                    changed = True
    return hidden


def hide_confusion(frame: pd.DataFrame, *, small: int, by: tuple[str, ...]) -> pd.DataFrame:
    """Hide cells of the confusion matrices that stand in long form in `frame`, one per `by`."""
    parts = []
    for _, part in frame.groupby(list(by), sort=False):
        ordered = part.sort_values(["truth", "predicted"])
        size = ordered["truth"].nunique()
        matrix = ordered["n"].to_numpy(float).reshape(size, size)
        hidden = hidden_cells(matrix, small=small).ravel()
        parts.append(ordered.assign(n=_shown(ordered["n"], hidden, small)))
    return pd.concat(parts, ignore_index=True) if parts else frame
