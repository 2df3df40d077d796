"""Small cells of a restricted source are hidden, and cannot be had from what is left."""

from __future__ import annotations

import pandas as pd
import pytest

from fusehr.tables.card.disclosure import hide_hours, hide_labels, hide_measures, shown


def test_a_count_below_the_limit() -> None:
    assert [shown(n, small=10) for n in (0, 1, 9, 10, 12345)] == [
        *("0", "<10", "<10", "10", "12,345")
    ]
    assert shown(3, small=0) == "3"


@pytest.mark.parametrize(
    "people, others, n, kept",
    [(9, 500, 600, False), (500, 9, 600, False), (10, 10, 20, True), (500, None, 9, False)],
)
def test_few_people_with_or_without(people: int, others: int | None, n: int, kept: bool) -> None:
    frame = pd.DataFrame(
        {"name": ["x"], "value": [0.5], "n": [n], "people": [people], "others": [others]}
    )
    assert len(hide_measures(frame.astype({"others": "Int64"}), small=10)) == kept


def _labels(task: str, classes: list[str], counts: list[list[int]]) -> pd.DataFrame:
    """counts: positives of each class in each of the folds; 1,000 samples a fold."""
    rows = [
        (task, name, f"fold{k}", 1000, 900, n, n, 900)
        for name, own in zip(classes, counts, strict=True)
        for k, n in enumerate(own)
    ]
    columns = "task class fold samples patients positive positive_patients negative_patients"
    frame = pd.DataFrame(rows, columns=columns.split())
    frame["positive"] = frame["positive"].astype("Int64")
    return frame.assign(prevalence=frame["positive"] / frame["samples"])


def test_a_hidden_fold_takes_the_smallest_other_with_it() -> None:
    found = hide_labels(_labels("mortality", ["positive"], [[50, 9, 80]]), small=10)
    assert found["positive"].isna().tolist() == [True, True, False]
    assert found["prevalence"].isna().tolist() == [True, True, False]
    kept = hide_labels(_labels("mortality", ["positive"], [[50, 10, 80]]), small=10)
    assert kept["positive"].notna().all()


def test_a_hidden_urgency_takes_another_of_its_fold_with_it() -> None:
    counts = [[300, 310], [600, 680], [100, 5]]
    found = hide_labels(_labels("triage", ["high", "medium", "low"], counts), small=10)
    hidden = found.pivot(index="class", columns="fold", values="positive").isna()
    assert hidden.T["low"].tolist() == [True, True]
    for lines in (hidden.to_numpy(), hidden.to_numpy().T):
        assert 1 not in lines.sum(axis=0)


def test_hours_that_few_people_make() -> None:
    frame = pd.DataFrame({"people": [9, 10, 500, 0], "others": [500, 500, 9, 500], "share": 0.5})
    assert hide_hours(frame, small=10)["share"].isna().tolist() == [True, False, True, False]
