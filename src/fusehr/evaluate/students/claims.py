"""What was claimed of distillation beforehand, each claim in a sentence that says how it fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fusehr.core.params.distill import BASELINE, STUDENT
from fusehr.evaluate.figures.style import METRICS
from fusehr.evaluate.pairs import sign
from fusehr.evaluate.students.gaps import KEPT, MINUS, SHARE
from fusehr.evaluate.students.names import COPY, TEACHER
from fusehr.evaluate.students.new_onset import NEW_ONSET

Row = Mapping[Any, Any]

LEAST_SHARE = 0.25  # of the gap that the student is to close
LEAST_KEPT = 0.90  # of the teacher's AUROC above chance that it is to keep

HOLDS, FAILS, OPPOSITE = "holds", "does not hold", "the opposite holds"
NOT_SHOWN, UNTOLD = "is not shown", "cannot be told"

# Whom the student is to beat, and what it would mean.
BEATEN = {
    "permuted": "soft labels of other patients are worse than its own",
    "smoothed": "it gains more than label smoothing does",
    "full": "visits without a next one help",
    "logits_unlabelled": "attention helps beside soft labels",
    COPY: "it is better than a copy of the diagnoses of the visit just ended",
}
TITLES = METRICS | {NEW_ONSET: "AUROC of new onsets"}


def claims(students: pd.DataFrame, paired: pd.DataFrame, task: str) -> list[str]:
    """Sentences on one task. students and paired: the tables of gaps.py."""
    own = students[(students["task"] == task) & (students["student"] == STUDENT)]
    rows = {row["metric"]: row for row in own.to_dict("records")}
    pairs = {
        (row["metric"], row["against"]): row
        for row in paired[paired["task"] == task].to_dict("records")
        if row["student"] == STUDENT
    }
    teachers = paired[(paired["task"] == task) & (paired["student"] == TEACHER)]
    gaps = {row["metric"]: row for row in teachers.to_dict("records")}
    primary, *rest = rows
    found = [_share(rows[primary], gaps.get(primary))]
    found += [_kept(rows[metric]) for metric in rows if metric == "auroc"]
    found += _beaten(pairs, primary)
    return found + _new_onset(rows, pairs) if NEW_ONSET in rest else found


def _share(row: Row, gap: Row | None) -> str:
    claim = f"closes at least {LEAST_SHARE:.0%} of the gap from {BASELINE} to {TEACHER}"
    if gap is None or pd.isna(row[MINUS]):
        return _sentence(claim, UNTOLD, "a value is missing")
    told = f"gap {interval(gap, 'difference', ('low', 'high'), signed=True)}"
    told += f"; {STUDENT} less {BASELINE} {interval(row, MINUS, signed=True)}"
    told += f", p {row[f'{MINUS}_p']:.3f}"
    if pd.isna(row[SHARE]):
        return _sentence(claim, UNTOLD, f"the teacher is not above {BASELINE}: {told}")
    told = f"{_share_of_it(row, SHARE, LEAST_SHARE)}; {told}"
    side = sign(row["metric"])
    above = (row[f"{MINUS}_low"] if side > 0 else -row[f"{MINUS}_high"]) > 0
    if row[SHARE] < LEAST_SHARE:
        return _sentence(claim, FAILS, told)
    if not above:
        return _sentence(claim, NOT_SHOWN, f"{told}, which does not exclude zero")
    return _sentence(claim, HOLDS, told)


def _kept(row: Row) -> str:
    claim = f"keeps at least {LEAST_KEPT:.0%} of the teacher's AUROC above chance"
    if pd.isna(row[KEPT]):
        return _sentence(claim, UNTOLD, "a value is missing, or the teacher is at chance")
    verdict = HOLDS if row[KEPT] >= LEAST_KEPT else FAILS
    return _sentence(claim, verdict, _share_of_it(row, KEPT, LEAST_KEPT))


def _share_of_it(row: Row, name: str, least: float) -> str:
    """The claims are on the value itself, so what its interval leaves open is said beside it."""
    told = f"{interval(row, name, share=True)} of it"
    sure = row[f"{name}_low"] >= least or row[name] < least  # nan is not
    return told if sure else f"{told}, an interval that reaches below {least:.0%}"


def _beaten(pairs: Mapping[tuple[str, str], Row], metric: str) -> list[str]:
    return [
        _sentence(
            f"{claim} ({TITLES[metric]}, {STUDENT} less {other})",
            verdict(pairs[metric, other]),
            f"{interval(pairs[metric, other], 'difference', ('low', 'high'), signed=True)}, "
            f"p {pairs[metric, other]['p']:.3f}",
        )
        for other, claim in BEATEN.items()
        if (metric, other) in pairs
    ]


def _new_onset(rows: Mapping[str, Row], pairs: Mapping[tuple[str, str], Row]) -> list[str]:
    """What is left where nothing can be copied."""
    row = rows[NEW_ONSET]
    if pd.isna(row["value"]):
        return [f"- New onsets: no value, {row['reason']}."]
    told = f"- New onsets: {STUDENT} has an AUROC of {interval(row, 'value', ('low', 'high'))}"
    for other in (TEACHER, BASELINE, COPY):
        if (NEW_ONSET, other) in pairs:
            paired = pairs[NEW_ONSET, other]
            told += f"; less {other} "
            told += interval(paired, "difference", ("low", "high"), signed=True)
    return [told + "."]


def verdict(row: Row) -> str:
    """Of the claim that one is better than the other, from their paired interval."""
    ends: Sequence[float] = sorted(end * sign(row["metric"]) for end in (row["low"], row["high"]))
    return HOLDS if ends[0] > 0 else OPPOSITE if ends[1] < 0 else NOT_SHOWN


def interval(
    row: Row,
    name: str,
    ends: tuple[str, str] | None = None,
    *,
    signed: bool = False,
    share: bool = False,
) -> str:
    """`value [low, high]`, with a dash for an end that does not exist."""
    form = "z.1%" if share else "+.3f" if signed else ".3f"  # z: no minus before zero
    low, high = (
        "-" if pd.isna(row[end]) else format(row[end], form)
        for end in ends or (f"{name}_low", f"{name}_high")
    )
    return f"{format(row[name], form)} [{low}, {high}]"


def _sentence(claim: str, verdict: str, told: str) -> str:
    return f"- **{claim[0].upper()}{claim[1:]}: {verdict}.** {told[0].upper()}{told[1:]}."
