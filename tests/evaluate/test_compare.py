"""Paired differences and Holm's adjustment."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import TASKS
from fusehr.evaluate.compare import (
    holm,
    paired_with_ceiling,
    paired_with_reference,
    two_sided_p,
)
from fusehr.evaluate.gather import gather

AUROC: dict[str, str] = dict.fromkeys(map(str, TASKS), "auroc")


@pytest.fixture(scope="module")
def scores(world, fakes):
    return gather(world / "data/evaluate", fakes.recipes)


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
    table = paired_with_reference(scores, reference="gbm", primary=AUROC)
    row = table.query("task == 'mortality' and recipe == 'logistic' and metric == 'auroc'").iloc[0]
    draws = scores.draws.query("task == 'mortality'").pivot(
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
    table = paired_with_reference(scores, reference="gbm", primary=AUROC)
    assert set(table["recipe"]) == {"majority", "one_vital", "logistic", "lstm_vitals"}
    tested = table[table["p"].notna()]
    assert set(tested["metric"]) == {"auroc"}
    for _, own in tested.groupby("recipe"):
        assert len(own) == 5
        np.testing.assert_allclose(own["p_holm"], holm(own["p"].to_numpy()))


def test_only_a_model_wholly_above_the_ceiling_is_told(scores) -> None:
    honest = paired_with_ceiling(scores, primary=AUROC)
    assert set(honest["verdict"]) == {"ok"}
    assert set(honest["recipe"]) == {"majority", "one_vital", "logistic", "gbm", "lstm_vitals"}
    # The recipe with the true risk, under a model's name, stands above what is attainable.
    swapped = {
        name: getattr(scores, name).assign(
            recipe=getattr(scores, name)["recipe"].replace({"oracle": "gbm", "gbm": "oracle"})
        )
        for name in ("intervals", "draws", "labels")
    }
    leaked = paired_with_ceiling(dataclasses.replace(scores, **swapped), primary=AUROC)
    above = leaked[leaked["verdict"] == "above"]
    assert set(above["recipe"]) == {"gbm"}
    assert (above["low"] > 0).all()


def test_a_lower_brier_score_is_the_better_side(scores) -> None:
    table = paired_with_ceiling(scores, primary=dict.fromkeys(AUROC, "brier"))
    worst = table.query("recipe == 'one_vital' and task == 'next_diagnoses'").iloc[0]
    assert worst["low"] > 0
    assert worst["verdict"] == "ok"


def test_other_samples_are_not_compared(tmp_path, fakes) -> None:
    for recipe, n in (("gbm", 120), ("logistic", 119)):
        sizes = {"mortality": n, "patients": 90, "labels": 0}
        frame = fakes.predictions(recipe, noise=1.0, tasks=("mortality",), sizes=sizes)
        fakes.trained(tmp_path, recipe, frame)
    fakes.scored(tmp_path, fakes.params())
    with pytest.raises(InputError, match=r"logistic/labels.parquet: column digest: .* of gbm"):
        gather(tmp_path / "data/evaluate", ("gbm", "logistic"))
