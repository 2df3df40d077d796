"""A task that cannot be trained is named with its reason, and the others go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from fusehr.core.cohort import load_rounds
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import TRUTH

MOST = ("mortality", "readmission", "deterioration", "next_diagnoses")


def skipped(folder: Path) -> dict[str, str]:
    return json.loads((folder / "skipped.json").read_text())


def predicted(folder: Path) -> set[str]:
    return set(pd.read_parquet(folder / "predictions.parquet")["task"])


def with_labels(tables: Path, task: str, patients: frozenset[int], value: float) -> pd.DataFrame:
    label = pd.read_parquet(tables / "label.parquet")
    rows = (label["task"] == task) & label["patient_id"].isin(patients)
    label.loc[rows, "label_value"] = value
    return label


def test_no_samples(trained: Callable, altered: Callable, tables: Path, tmp_path: Path) -> None:
    frames = {
        name: (found := pd.read_parquet(tables / f"{name}.parquet"))[found["task"] != "triage"]
        for name in ("samples", "label", "truth")
    }
    folder = trained("majority", altered(tables, tmp_path, **frames))
    assert skipped(folder) == {"triage": "no samples: the source has no ED visits with an acuity"}
    assert predicted(folder) == set(MOST)


def test_one_class_in_train(
    trained: Callable, altered: Callable, tables: Path, tmp_path: Path
) -> None:
    (split,) = load_rounds(tables)
    label = with_labels(tables, "mortality", split.train, 0.0)
    folder = trained("gbm", altered(tables, tmp_path, label=label), train__tasks=list(MOST[:2]))
    assert skipped(folder) == {"mortality": "train fold has one class: n positive 0 of 180"}
    assert predicted(folder) == {"readmission"}


def test_one_class_in_test(
    trained: Callable, altered: Callable, tables: Path, tmp_path: Path
) -> None:
    (split,) = load_rounds(tables)
    label = with_labels(tables, "mortality", split.test, 1.0)
    folder = trained("majority", altered(tables, tmp_path, label=label))
    assert skipped(folder) == {"mortality": "test folds have one class: n positive 60 of 60"}


def test_one_class_in_one_of_the_rounds_is_named_with_it(
    trained: Callable, make_tables: Callable, altered: Callable, tmp_path: Path
) -> None:
    tables = make_tables(tmp_path / "cv", patients=60, cv=True)
    third = load_rounds(tables)[2]
    label = with_labels(tables, "readmission", third.train, 0.0)
    (tmp_path / "changed").mkdir()
    folder = trained("majority", altered(tables, tmp_path / "changed", label=label))
    reason = skipped(folder)["readmission"]
    assert reason == "train fold of round cv2 has one class: n positive 0 of 36"


def test_absent_series(trained: Callable, altered: Callable, tables: Path, tmp_path: Path) -> None:
    dynamic = pd.read_parquet(tables / "dynamic.parquet").head(0)
    bare = altered(tables, tmp_path, dynamic=dynamic)
    assert skipped(trained("lstm_vitals", bare)) == dict.fromkeys(
        (*MOST, "triage"), "needs series: the source has none for this task"
    )
    assert skipped(trained("one_vital", bare))["mortality"] == "needs series: no events"
    # codes are left, but only next_diagnoses may see any of a first visit
    folder = trained("gbm", bare)
    assert set(skipped(folder)) == {"mortality", "readmission", "deterioration", "triage"}
    assert skipped(folder)["triage"] == "needs series or codes: no events and no codes"
    assert predicted(folder) == {"next_diagnoses"}


def test_everything_skipped_is_an_empty_table(
    trained: Callable, altered: Callable, tables: Path, tmp_path: Path
) -> None:
    truth = pd.read_parquet(tables / "truth.parquet").head(0)
    folder = trained("oracle", altered(tables, tmp_path, truth=truth))
    assert predicted(folder) == set()
    assert set(skipped(folder).values()) == {
        "truth.parquet has no rows of this task: the source's truth is not known"
    }


def test_a_truth_that_lacks_a_sample_is_an_error(
    trained: Callable, altered: Callable, tables: Path, tmp_path: Path
) -> None:
    truth = pd.read_parquet(tables / "truth.parquet")[[c.name for c in TRUTH.columns]]
    short = truth.drop(truth.index[truth["task"] == "mortality"][0])
    with pytest.raises(InputError, match=r"truth\.parquet: column sample_id: .* for 1 samples"):
        trained("oracle", altered(tables, tmp_path, truth=short))
