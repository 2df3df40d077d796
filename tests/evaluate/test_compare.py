"""Paired differences, Holm's adjustment, and what is claimed of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import TASKS
from fusehr.evaluate.compare import (
    holm,
    holm_bounds,
    paired_with_reference,
    paired_with_unimodal,
    two_sided_p,
)
from fusehr.evaluate.gather import Scores, gather

AUROC: dict[str, str] = dict.fromkeys(map(str, TASKS), "auroc")


@pytest.fixture(scope="module")
def scores(world, fakes):
    return gather(world / "data/evaluate", fakes.recipes)


def paired(scores: Scores, margin: float = 0.01, primary: dict[str, str] = AUROC):
    return paired_with_reference(
        scores, reference="gbm", noninferior=("logistic", margin), primary=primary
    )


def test_holm_by_hand() -> None:
    # Sorted .01 .02 .03 .04 times 4 3 2 1 is .04 .06 .06 .04; never below an earlier one: .06.
    np.testing.assert_allclose(holm(np.array([0.03, 0.01, 0.04, 0.02])), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.5, np.nan, 0.6])), [1.0, np.nan, 1.0])
    assert holm(np.array([])).shape == (0,)


def test_p_counts_the_far_side_of_zero() -> None:
    assert two_sided_p(np.array([0.1] * 99)) == pytest.approx(2 / 100)
    assert two_sided_p(np.array([0.1] * 95 + [-0.1] * 4)) == pytest.approx(2 * 5 / 100)
    assert two_sided_p(np.zeros(99)) == 1.0  # a recipe against its own copy


def test_differences_are_paired_draw_by_draw(scores) -> None:
    table = paired(scores)
    row = table.query(
        "task == 'mortality' and recipe == 'logistic' and claim == 'superiority'"
    ).iloc[0]
    draws = scores.draws.query("task == 'mortality' and variant == 'full'").pivot(
        index="draw", columns="recipe", values="auroc"
    )
    differences = draws["logistic"] - draws["gbm"]
    np.testing.assert_allclose(
        [row["low"], row["high"]], np.percentile(differences, [2.5, 97.5]), atol=1e-12
    )
    assert row["p"] == two_sided_p(differences.to_numpy())
    # Pairing is what makes the interval narrow: patients are hard or easy for both.
    apart = np.percentile(draws["logistic"].to_numpy() - draws["gbm"].to_numpy()[::-1], [2.5, 97.5])
    assert row["high"] - row["low"] < apart[1] - apart[0]


def test_the_family_is_the_tasks_of_one_recipe_without_ceilings(scores) -> None:
    table = paired(scores)
    others = {"majority", "one_vital", "logistic", "lstm_vitals"}
    assert set(table[table["reference"] == "gbm"]["recipe"]) == others
    tested = table[table["p"].notna()]
    assert set(tested["claim"]) == {"superiority"}
    assert set(tested["metric"]) == {"auroc"}
    for _, own in tested.groupby("recipe"):
        assert len(own) == 5
        np.testing.assert_allclose(own["p_holm"], holm(own["p"].to_numpy()))


def test_bounds_step_down_in_the_order_of_evidence() -> None:
    rng = np.random.default_rng(0)
    strong, fair, weak = (rng.normal(mean, 1.0, 4000) for mean in (5.0, 2.6, 1.0))
    bounds = holm_bounds([weak, strong, fair])
    # The strongest of three stands at 2.5 % / 3, the next at 2.5 % / 2, the weakest at 2.5 %.
    expected = [np.quantile(weak, 0.025), np.quantile(strong, 0.025 / 3), np.quantile(fair, 0.0125)]
    assert expected[0] < 0 < expected[2]
    np.testing.assert_allclose(bounds, expected)
    # Where the second is no longer confirmed, the third is not either, though alone it would be.
    tail = np.concatenate([np.full(70, -0.1), np.full(3930, 3.0)])  # 1.75 % below zero
    late = np.concatenate([np.full(90, -0.1), np.full(3910, 3.0)])  # 2.25 % below zero
    assert np.quantile(late, 0.025) > 0
    np.testing.assert_allclose(holm_bounds([late, tail, strong])[:2], [0.0, -0.1])
    assert holm_bounds([]).shape == (0,)


def test_a_claim_of_superiority_is_the_sign_of_its_bound(scores) -> None:
    # Five times as many draws, as 120 give no p-value that is below 5 % in a family of five.
    more = [scores.draws.assign(draw=scores.draws["draw"] + 120 * k) for k in range(5)]
    table = paired(dataclasses.replace(scores, draws=pd.concat(more)))
    claims = table[table["claim"] == "superiority"]
    assert set(claims["verdict"]) == {"not shown", "worse"}  # gbm is the best of these
    worse = (claims["p_holm"] < 0.05) & (claims["difference"] < 0)
    assert (claims["verdict"] == np.where(worse, "worse", "not shown")).all()
    assert (claims["low_holm"] <= 0).all()
    assert table.loc[table["claim"] == "", "low_holm"].isna().all()
    # The other way round: against the weakest of them.
    weak = paired_with_reference(
        scores, reference="majority", noninferior=("logistic", 0.01), primary=AUROC
    ).query("claim == 'superiority' and recipe == 'gbm'")
    assert set(weak["verdict"]) == {"superior"}
    assert (weak["low_holm"] <= weak["low"]).all()  # no task is at less than its own 2.5 %
    brier = paired_with_reference(
        scores,
        reference="majority",
        noninferior=("logistic", 0.01),
        primary=dict.fromkeys(AUROC, "brier"),
    ).query("claim == 'superiority' and recipe == 'gbm'")
    assert {"superior"} < set(brier["verdict"]) <= {"superior", "not shown", "worse"}
    # a lower score is the better one
    assert ((brier["low_holm"] < 0) == (brier["verdict"] == "superior")).all()
    assert (brier["low_holm"] >= brier["high"]).all()


@pytest.mark.parametrize("metric", ["auroc", "brier"])
def test_noninferiority_is_a_bound_within_the_margin(scores, metric: str) -> None:
    primary = dict.fromkeys(AUROC, metric)
    for margin in (0.001, 0.03, 0.5):
        table = paired(scores, margin, primary).query("claim == 'non-inferiority'")
        assert set(table["reference"]) == {"logistic"}
        assert set(table["recipe"]) == {"majority", "one_vital", "gbm", "lstm_vitals"}
        assert set(table["metric"]) == {metric}
        assert set(table["margin"]) == {margin}
        within = table["low"] > -margin if metric == "auroc" else table["high"] < margin
        beyond = table["high"] < -margin if metric == "auroc" else table["low"] > margin
        expected = np.where(within, "non-inferior", np.where(beyond, "worse", "not shown"))
        assert (table["verdict"] == expected).all()
        if margin == 0.001:
            assert beyond.any()
        assert within.any()
        assert within.all() == (margin == 0.5)


def test_unimodal_versions_are_compared_and_only_those_named(scores) -> None:
    table = paired_with_unimodal(scores, unimodal={"gbm": "one_vital"}, primary=AUROC)
    assert set(table["recipe"]) == {"gbm"}
    assert set(table["unimodal"]) == {"one_vital"}
    assert table["task"].tolist() == list(TASKS)
    draws = scores.draws.query("task == 'triage' and variant == 'full'").pivot(
        index="draw", columns="recipe", values="auroc"
    )
    row = table[table["task"] == "triage"].iloc[0]
    expected = np.percentile(draws["gbm"] - draws["one_vital"], [2.5, 97.5])
    np.testing.assert_allclose([row["low"], row["high"]], expected, atol=1e-12)
    assert row["verdict"] == "superior"
    none = paired_with_unimodal(scores, unimodal={}, primary=AUROC)
    assert len(none) == 0
    assert {"recipe", "unimodal", "low_holm"} <= set(none.columns)


def test_other_samples_are_not_compared(tmp_path, fakes) -> None:
    for recipe, n in (("gbm", 120), ("logistic", 119)):
        sizes = {"mortality": n, "patients": 90, "labels": 0}
        frame = fakes.predictions(recipe, noise=1.0, tasks=("mortality",), sizes=sizes)
        fakes.trained(tmp_path, recipe, frame)
    fakes.scored(tmp_path, fakes.params())
    with pytest.raises(InputError, match=r"logistic/labels.parquet: column digest: .* of gbm"):
        gather(tmp_path / "data/evaluate", ("gbm", "logistic"))
