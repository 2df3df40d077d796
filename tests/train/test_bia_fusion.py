"""The recipe `bia_fusion`: its switches, what it reads, and what it keeps of what was fitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import stage_params
from fusehr.core.metrics import auroc
from fusehr.train.engine.registry import load_job

from .conftest import Train
from .multimodal import write_multimodal


@pytest.fixture(scope="module")
def tables(make_tables: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bia") / "data" / "tables"
    return write_multimodal(make_tables(folder, patients=200))


@pytest.fixture(scope="module")
def folder(trained: Train, tables: Path) -> Path:
    return trained("bia_fusion", tables, train__tasks=["mortality"])


def test_rows(folder: Path, variant: str = "full") -> pd.Series:
    rows = pd.read_parquet(folder / "predictions.parquet")
    chosen = (rows["variant"] == variant) & (rows["fold"] == "test")
    return rows[chosen].set_index(["y", "sample_id"])["p"].sort_index()


test_rows.__test__ = False  # type: ignore[attr-defined]


def test_both_sides_tell_of_the_outcome(folder: Path) -> None:
    areas = {}
    for variant in ("full", "without_series", "without_notes"):
        p = test_rows(folder, variant)
        areas[variant] = auroc(p.index.get_level_values("y").to_numpy(), p.to_numpy())
    assert min(areas.values()) > 0.6
    assert areas["full"] > 0.7


@pytest.mark.parametrize("alone", ["indicators", "notes"])
def test_either_side_alone(alone: str, trained: Train, tables: Path) -> None:
    changes = {"recipes__bia_fusion__modalities": [alone], "train__tasks": ["mortality"]}
    found = trained("bia_fusion", tables, **changes)
    p = test_rows(found)
    assert auroc(p.index.get_level_values("y").to_numpy(), p.to_numpy()) > 0.6
    withheld = set(pd.read_parquet(found / "predictions.parquet")["variant"]) - {"full"}
    assert withheld <= {"without_series" if alone == "indicators" else "without_notes"}


@pytest.mark.parametrize(
    ("name", "value"), [("projection", "shared"), ("layers", 2), ("hidden_share", 0.0)]
)
def test_one_switch_from_the_default(
    name: str, value: Any, trained: Train, tables: Path, folder: Path
) -> None:
    changes = {f"recipes__bia_fusion__{name}": value, "train__tasks": ["mortality"]}
    found = test_rows(trained("bia_fusion", tables, **changes))
    assert np.isfinite(found).all()
    assert not np.allclose(found, test_rows(folder), atol=1e-6)


def test_what_was_fitted_of_the_inputs_is_saved(folder: Path) -> None:
    state = load_file(folder / "weights" / "mortality" / "split" / "1.safetensors")
    assert state["indicators.mean"].shape == state["indicators.std"].shape == (31, 8)
    assert state["notes.mean"].shape == (1, 8)
    assert state["sides.indicators.project.weight"].shape == (31, 8, 16)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modalities": ["notes", "notes"]}, "params.yaml: recipes.bia_fusion.modalities: "),
        ({"modalities": ["images"]}, "params.yaml: recipes.bia_fusion.modalities.0: "),
        ({"modalities": []}, "params.yaml: recipes.bia_fusion.modalities: "),
        ({"projection": "none"}, "params.yaml: recipes.bia_fusion.projection: "),
        ({"hidden_share": 1.0}, "params.yaml: recipes.bia_fusion.hidden_share: "),
    ],
)
def test_what_is_impossible_stops_before_training(
    changes: dict[str, Any], message: str, project: Callable, tmp_path: Path
) -> None:
    project(tmp_path, {f"recipes.bia_fusion.{name}": value for name, value in changes.items()})
    with pytest.raises(InputError) as caught:
        load_job("bia_fusion", stage_params("train@bia_fusion", tmp_path))
    assert str(caught.value).startswith(message)
