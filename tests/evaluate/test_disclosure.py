"""Small cells are hidden, and cannot be worked out from what is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.evaluate.disclosure import accompanied, hidden_cells
from fusehr.evaluate.report import report

COUNTS = ("n", "n_patients", "n_positive", "positive_patients", "negative_patients")


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory, fakes) -> Path:
    """A restricted source with few deaths, a rare triage class and a rare phenotype."""
    root = tmp_path_factory.mktemp("restricted")
    for recipe, noise in (("gbm", 1.2), ("logistic", 1.6), ("oracle", 0.0)):
        frame = fakes.predictions(recipe, noise=noise)
        test = frame["fold"].eq("test")
        dead = frame.index[test & frame["task"].eq("mortality") & frame["y"].eq(1)]
        frame.loc[dead[7:], "y"] = 0
        rare = frame.index[test & frame["class"].eq("phenotype_00") & frame["y"].eq(1)]
        frame.loc[rare[4:], "y"] = 0
        high = test & frame["class"].eq("high")
        few = frame.loc[frame.index[high & frame["y"].eq(1)][6:], "sample_id"]
        moved = frame["sample_id"].isin(few)
        frame.loc[moved, "y"] = frame.loc[moved, "class"].eq("medium").astype(np.int8)
        fakes.trained(root, recipe, frame)
    fakes.scored(root, fakes.params())
    report(root, ("gbm", "logistic", "oracle"), fakes.params(), restricted=True)
    return root


def table(root: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(root / f"plots/{name}.csv", dtype=str, keep_default_na=False)


def test_no_count_below_the_limit_is_written_anywhere(restricted: Path) -> None:
    hidden = 0
    for path in sorted((restricted / "plots").glob("*.csv")):
        frame = table(restricted, path.stem)
        for column in set(COUNTS) & set(frame.columns):
            for text in frame[column]:
                hidden += text == "<10"
                assert not (re.fullmatch(r"\d+", text) and int(text) < 10), (path.name, column)
    assert hidden > 20


def test_values_of_small_groups_are_hidden_in_every_table_and_on_the_leaderboard(
    restricted: Path,
) -> None:
    board = json.loads((restricted / "metrics/leaderboard.json").read_text())
    assert board["mortality"]["gbm"] == {"skipped": "fewer than 10 patients of one class"}
    assert board["readmission"]["gbm"]["auroc"] > 0.5
    mortality = table(restricted, "metrics").query("task == 'mortality'")
    assert set(mortality["value"]) == set(mortality["low"]) == {""}
    for name in ("roc", "pr", "paired"):
        tasks = set(table(restricted, name)["task"])
        assert "mortality" not in tasks
        assert "readmission" in tasks
    net = table(restricted, "net_benefit").query("task == 'mortality'")
    assert set(net["net_benefit"]) == set(net["treat_all"]) == {""}
    classes = table(restricted, "metrics_by_class")
    assert set(classes[classes["class"] == "phenotype_00"]["value"]) == {""}
    assert "" not in set(classes[classes["class"] == "phenotype_05"]["value"])


def test_points_of_a_curve_with_few_found_positives_are_empty(restricted: Path) -> None:
    labels = table(restricted, "labels").query("task == 'readmission'")
    positives = int(labels["n_positive"].item())
    for name, found in (("roc", "sensitivity"), ("pr", "precision")):
        curve = table(restricted, name).query("task == 'readmission' and recipe == 'gbm'")
        shown = curve[curve[found] != ""]
        assert 50 < len(shown) < 101
        assert (shown["sensitivity"].astype(float) * positives).min() > 9.4


def test_a_hidden_class_of_triage_does_not_follow_from_the_others(restricted: Path) -> None:
    labels = table(restricted, "labels").query("task == 'triage'").set_index("class")
    assert labels["n_positive"].to_dict()["high"] == "<10"
    assert (labels["n_positive"].isin(["", "<10"])).sum() == 2


def test_confusion_hides_no_single_cell_of_a_row_or_column(restricted: Path) -> None:
    frame = table(restricted, "confusion")
    frame["hidden"] = frame["n"].isin(["", "<10"])
    assert frame["hidden"].any()
    for side in ("truth", "predicted"):
        counts = frame.groupby(["recipe", "seed", side])["hidden"].sum()
        assert not (counts == 1).any()


def test_hidden_cells_take_company() -> None:
    matrix = np.array([[50, 3, 40], [30, 60, 20], [25, 35, 70]])
    hidden = hidden_cells(matrix, small=10)
    assert hidden[0, 1]
    assert not ((hidden.sum(0) == 1) | (hidden.sum(1) == 1)).any()
    assert not hidden_cells(matrix + 10, small=10).any()


def test_a_set_that_hides_one_row_hides_its_next_smallest() -> None:
    hidden = np.array([True, False, False, True, False])
    counts = np.array([4, 30, 20, 5, 40])
    sets = np.array(["a", "a", "a", np.nan, np.nan], dtype=object)
    np.testing.assert_array_equal(
        accompanied(hidden, counts, sets), [True, False, True, True, False]
    )


def test_averages_over_labels_that_would_be_hidden_are_refused(restricted: Path, fakes) -> None:
    with pytest.raises(InputError, match=r"evaluate\.min_label_patients: expected at least"):
        report(
            restricted, ("gbm",), fakes.params(min_label_patients=5, small_cell=10), restricted=True
        )
