"""The recipe `emerge`: every switch works from the default, and impossible ones stop early."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import stage_params
from fusehr.train.engine.registry import load_job

from .conftest import ROOT, Train
from .multimodal import write_multimodal

SWITCHES: list[tuple[str, Any]] = [
    *(("series_encoder", kind) for kind in ("lstm", "rnn", "transformer")),
    ("series_layers", 2),
    *(("text_fusion", kind) for kind in ("note", "summary", "add", "adaptive", "mag")),
    *(("modality_fusion", kind) for kind in ("mag", "concat", "transformer", "bottleneck")),
    ("tokens", False),
    ("hidden_share", 0.0),
    *(
        ("modalities", names.split())
        for names in ("series", "notes", "summary", "series notes", "series summary")
    ),
    ("modalities", ["summary", "notes"]),
]


@pytest.fixture(scope="module")
def tables(make_tables: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("emerge") / "data" / "tables"
    return write_multimodal(make_tables(folder, patients=120))


def predictions(trained: Train, tables: Path, **changes: Any) -> pd.DataFrame:
    """Of mortality, after two epochs."""
    quick = {"train__tasks": ["mortality"], "model__epochs": 2, **changes}
    return pd.read_parquet(trained("emerge", tables, **quick) / "predictions.parquet")


@pytest.fixture(scope="module")
def by_default(trained: Train, tables: Path) -> pd.DataFrame:
    return predictions(trained, tables)


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_one_switch_from_the_default(
    switch: tuple[str, Any], trained: Train, tables: Path, by_default: pd.DataFrame
) -> None:
    name, value = switch
    found = predictions(trained, tables, **{f"recipes__emerge__{name}": value})
    seen = {"note": {"series", "notes"}, "summary": {"series", "summary"}}.get(
        str(value), set(value) if name == "modalities" else {"series", "notes", "summary"}
    )
    without = {f"without_{source}" for source in seen} if len(seen) > 1 else set()
    assert set(found["variant"]) == {"full", *without}
    assert np.isfinite(found["p"]).all()
    both = found.merge(by_default, on=["variant", "sample_id"], suffixes=("", "_default"))
    full = both[both["variant"] == "full"]
    assert len(full)
    assert not np.allclose(full["p"], full["p_default"], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"text_fusion": "note", "modalities": ["series", "summary"]},
            "params.yaml: recipes.emerge: text_fusion note: expected notes among modalities, "
            "found series, summary",
        ),
        (
            {"modalities": ["notes", "notes"]},
            "params.yaml: recipes.emerge: modalities: expected each once, found notes, notes",
        ),
        ({"modalities": []}, "params.yaml: recipes.emerge.modalities: "),
        ({"modalities": ["images"]}, "params.yaml: recipes.emerge.modalities.0: "),
        ({"text_fusion": "sum"}, "params.yaml: recipes.emerge.text_fusion: "),
        ({"mag_beta": 0.0}, "params.yaml: recipes.emerge.mag_beta: "),
    ],
)
def test_what_is_impossible_stops_before_training(
    changes: dict[str, Any], message: str, project: Callable, tmp_path: Path
) -> None:
    project(tmp_path, {f"recipes.emerge.{name}": value for name, value in changes.items()})
    with pytest.raises(InputError) as caught:
        load_job("emerge", stage_params("train@emerge", tmp_path))
    assert str(caught.value).startswith(message)


def test_its_variables_are_known() -> None:
    """A name that no table has would be a column of nothing."""
    known = set(pd.read_csv(ROOT / "src/fusehr/tables/variables.csv")["name"])
    recipe = yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"]["emerge"]
    assert len(recipe["variables"]) == 17
    assert set(recipe["variables"]) <= known
