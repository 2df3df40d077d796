"""Models read back from their files predict what was written to predictions.parquet."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from skops.io.exceptions import UntrustedTypesFoundException

from fusehr.core.cohort import load_task
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.train.engine.contract import Source
from fusehr.train.engine.task import ROWS
from fusehr.train.recipes.gbm import Gbm
from fusehr.train.tabular.matrix import TABLES, build_matrix
from fusehr.train.tabular.per_class import PerClass
from fusehr.train.tabular.persist import dump_models, load_models
from fusehr.train.tabular.trees import load_trees


@pytest.mark.parametrize("recipe", ["logistic", "gbm"])
@pytest.mark.parametrize("task", ["mortality", "next_diagnoses", "triage"])
def test_what_is_read_back_predicts_the_same(
    recipe: str, task: Task, once: Callable, tables: Path
) -> None:
    folder = once(recipe)
    recent = json.loads((folder / "recipe.json").read_text())["params"]["train.tabular"]
    samples = load_task(tables, task)
    with open_tables(tables, TABLES, threads=1) as con:
        con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
        matrix = build_matrix(
            Source(con, tables, 1),
            samples,
            modalities=["series", "codes"],
            recent_hours=recent["recent_hours"][task],
        )
    stem = folder / "weights" / task / "split" / "1"

    def predicted(models: dict, columns: list[str], prepare: Any = None) -> pd.DataFrame:
        features = matrix.values[:, [matrix.columns.index(name) for name in columns]]
        ready = features if prepare is None else prepare.transform(features)
        read = PerClass(samples.classes, task == "triage", tuple(models.values()))
        index = samples.samples["sample_id"]
        return pd.DataFrame(read.predict(ready), index=index, columns=list(samples.classes))

    if recipe == "logistic":
        state = load_models(stem.with_suffix(".skops"))
        p = predicted(state["models"], state["columns"].split("\n"), state["prepare"])
    else:
        # what has been fitted on validation patients does not predict them
        val = samples.samples["patient_id"].isin(_patients(tables, "val")).to_numpy()
        p = predicted(*load_trees(stem.with_suffix(".safetensors")))
        p[val] = predicted(*load_trees(stem.with_name("1-stopped.safetensors")))[val]
    written = pd.read_parquet(folder / "predictions.parquet").query("variant == 'full'")
    written = written[written["task"] == task]
    expected = written.pivot(index="sample_id", columns="class", values="p")
    # rows stand in other batches now, and matrix products differ in their last bits
    found = p.loc[expected.index, expected.columns]
    np.testing.assert_allclose(found, expected, rtol=0, atol=0 if recipe == "gbm" else 1e-12)


def _patients(tables: Path, fold: str) -> pd.Series:
    splits = pd.read_parquet(tables / "splits.parquet")
    found = splits.loc[splits["fold"] == fold, "patient_id"]
    assert len(found)
    return found


def test_files_hold_neither_addresses_nor_the_clock(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(40, 3))
    written = []
    for name in ("a", "b"):
        model = LogisticRegression().fit(features, features[:, 0] > 0)
        dump_models({"models": {"positive": model, "constant": 0.5}}, tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        assert {"0.npy", "schema.json"} <= set(archive.namelist())
    read = load_models(tmp_path / "a")["models"]
    assert read["constant"] == 0.5
    np.testing.assert_array_equal(
        read["positive"].predict_proba(features), model.predict_proba(features)
    )


def test_a_file_with_a_type_of_its_own_is_refused(tmp_path: Path) -> None:
    dump_models({"models": Gbm}, tmp_path / "a")
    with pytest.raises(UntrustedTypesFoundException):
        load_models(tmp_path / "a")
