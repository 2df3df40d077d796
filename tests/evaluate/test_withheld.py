"""What a source is worth: the score with everything less the score without it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.tasks import TASKS
from fusehr.evaluate.gather import gather
from fusehr.evaluate.report import report
from fusehr.evaluate.withheld import withheld_sources

AUROC: dict[str, str] = dict.fromkeys(map(str, TASKS), "auroc")


@pytest.fixture(scope="module")
def scores(world, fakes):
    return gather(world / "data/evaluate", fakes.recipes)


def test_each_source_withheld_has_a_row_a_task(scores) -> None:
    table = withheld_sources(scores, primary=AUROC)
    assert set(table["recipe"]) == {"gbm"}
    assert list(zip(table["task"], table["withheld"], strict=True)) == [
        (task, source) for task in TASKS for source in ("notes", "series")
    ]
    by = table.set_index(["task", "withheld"])
    for task in TASKS:
        worth = by["difference"].to_dict()
        assert worth[task, "series"] > worth[task, "notes"]
    # without it the fake recipe is mostly noise; the other tasks have few fake patients
    assert by["low"].to_dict()["next_diagnoses", "series"] > 0


def test_the_difference_is_paired(scores) -> None:
    row = withheld_sources(scores, primary=AUROC).query(
        "task == 'deterioration' and withheld == 'series'"
    )
    draws = scores.draws.query("task == 'deterioration' and recipe == 'gbm'").pivot(
        index="draw", columns="variant", values="auroc"
    )
    differences = draws["full"] - draws["without_series"]
    np.testing.assert_allclose(
        row[["low", "high"]].to_numpy(float)[0], np.percentile(differences, [2.5, 97.5])
    )
    assert row["difference"].item() == pytest.approx(row["full"].item() - row["without"].item())


def test_a_condition_that_withholds_nothing_is_left_out(scores) -> None:
    renamed = {
        name: getattr(scores, name).replace({"variant": {"without_series": "shorter_horizon"}})
        for name in ("intervals", "draws")
    }
    table = withheld_sources(dataclasses.replace(scores, **renamed), primary=AUROC)
    assert set(table["withheld"]) == {"notes"}


def test_few_patients_of_a_restricted_source_are_hidden(tmp_path, fakes) -> None:
    sizes = {"mortality": 30, "readmission": 150, "patients": 90, "labels": 0}
    tasks = ("mortality", "readmission")
    parts = [
        fakes.predictions("gbm", noise=noise, tasks=tasks, sizes=sizes, variant=variant)
        for variant, noise in (("full", 1.0), ("without_notes", 2.0))
    ]
    fakes.trained(tmp_path, "gbm", pd.concat(parts))
    params = fakes.params()
    fakes.scored(tmp_path, params)
    report(tmp_path, ("gbm",), params, restricted=False)
    assert set(pd.read_csv(tmp_path / "plots/withheld.csv")["task"]) == set(tasks)
    report(tmp_path, ("gbm",), params, restricted=True)
    labels = pd.read_csv(tmp_path / "plots/labels.csv").set_index("task")["n_positive"]
    assert not str(labels["mortality"].iloc[0]).isdigit()  # hidden: fewer than ten
    assert set(pd.read_csv(tmp_path / "plots/withheld.csv")["task"]) == {"readmission"}
