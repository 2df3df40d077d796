"""The distance to what is attainable, and the share of the way there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.tasks import TASKS
from fusehr.evaluate.ceiling import paired_with_ceiling
from fusehr.evaluate.gather import Scores, gather

AUROC: dict[str, str] = dict.fromkeys(map(str, TASKS), "auroc")


@pytest.fixture(scope="module")
def scores(world, fakes):
    return gather(world / "data/evaluate", fakes.recipes)


def with_draws(scores: Scores, recipe: str, values: np.ndarray) -> Scores:
    """Scores in which the recipe's AUROC on triage has these draws, and their mean."""
    draws, intervals = scores.draws.copy(), scores.intervals.copy()
    for frame, found in ((draws, values), (intervals, values.mean())):
        mine = (frame["recipe"] == recipe) & (frame["task"] == "triage")
        mine &= frame["variant"] == "full"
        if frame is draws:
            draws.loc[mine, "auroc"] = found
        else:
            mine &= (frame["class"] == "macro") & (frame["metric"] == "auroc")
            intervals.loc[mine, "value"] = found
    return dataclasses.replace(scores, draws=draws, intervals=intervals)


def share(scores: Scores, recipe: str = "gbm") -> pd.Series:
    table = paired_with_ceiling(scores, reference="logistic", primary=AUROC)
    return table[(table["recipe"] == recipe) & (table["task"] == "triage")].iloc[0]


def test_only_a_model_wholly_above_the_ceiling_is_told(scores) -> None:
    honest = paired_with_ceiling(scores, reference="logistic", primary=AUROC)
    assert set(honest["verdict"]) == {"ok"}
    assert set(honest["recipe"]) == {"majority", "one_vital", "logistic", "gbm", "lstm_vitals"}
    # The recipe with the true risk, under a model's name, stands above what is attainable.
    swapped = {
        name: getattr(scores, name).assign(
            recipe=getattr(scores, name)["recipe"].replace({"oracle": "gbm", "gbm": "oracle"})
        )
        for name in ("intervals", "draws", "labels")
    }
    leaked = paired_with_ceiling(
        dataclasses.replace(scores, **swapped), reference="logistic", primary=AUROC
    )
    above = leaked[leaked["verdict"] == "above"]
    assert set(above["recipe"]) == {"gbm"}
    assert (above["low"] > 0).all()


def test_a_lower_brier_score_is_the_better_side(scores) -> None:
    table = paired_with_ceiling(scores, reference="logistic", primary=dict.fromkeys(AUROC, "brier"))
    worst = table.query("recipe == 'one_vital' and task == 'next_diagnoses'").iloc[0]
    assert worst["low"] > 0
    assert worst["verdict"] == "ok"


def test_the_share_is_the_ratio_of_paired_differences(scores) -> None:
    row = share(scores)
    draws = scores.draws.query("task == 'triage' and variant == 'full'").pivot(
        index="draw", columns="recipe", values="auroc"
    )
    made, whole = (draws[name] - draws["logistic"] for name in ("gbm", "attainable"))
    assert (whole > 0).all()
    expected = np.percentile(made / whole, [2.5, 97.5])
    np.testing.assert_allclose([row["share_low"], row["share_high"]], expected)
    assert row["share_low"] < row["share"] < row["share_high"]
    assert (row["share_from"], row["share_undefined_draws"]) == ("logistic", 0)


def test_reference_and_ceiling_are_the_ends_of_the_way(scores) -> None:
    assert share(scores, "logistic")[["share", "share_low", "share_high"]].tolist() == [0, 0, 0]
    mine = scores.draws.query("task == 'triage' and recipe == 'attainable'")
    there = share(with_draws(scores, "gbm", mine["auroc"].to_numpy()))
    np.testing.assert_allclose(there[["share_low", "share_high"]].astype(float), [1, 1])


def test_a_lower_brier_score_goes_the_same_way(scores) -> None:
    table = paired_with_ceiling(scores, reference="majority", primary=dict.fromkeys(AUROC, "brier"))
    # on the other tasks so few fake patients tell majority and ceiling hardly apart
    rows = table[(table["recipe"] == "gbm") & table["task"].isin(["next_diagnoses", "triage"])]
    assert ((rows["share"] > 0) & (rows["share"] < 1)).all()
    assert ((rows["share_low"] < rows["share"]) & (rows["share"] < rows["share_high"])).all()


def test_draws_without_a_way_count_against_both_ends(scores) -> None:
    base = scores.draws.query("task == 'triage' and recipe == 'logistic'")["auroc"].to_numpy()
    size = len(base)
    made = with_draws(scores, "gbm", base + 0.05)
    for few, low, high in ((0, 0.5, 0.5), (2, 0.5, 0.5), (12, np.nan, np.nan)):
        way = np.where(np.arange(size) < few, -0.01, 0.1)
        row = share(with_draws(made, "attainable", base + way))
        assert row["share_undefined_draws"] == few
        np.testing.assert_allclose([row["share_low"], row["share_high"]], [low, high])
    none = share(with_draws(made, "attainable", base - 0.01))
    assert np.isnan([none["share"], none["share_low"], none["share_high"]]).all()
    assert none["share_undefined_draws"] == size
