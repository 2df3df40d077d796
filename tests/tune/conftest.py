"""A small search space: of a toy function for what a study does, of a small recipe for the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr.core.params.tune import (
    Choices,
    FloatRange,
    PrunerParams,
    SearchParams,
    SpaceParams,
)
from fusehr.tune.space import Space

from ..train.conftest import write_project, write_tables

ROOT = Path(__file__).resolve().parents[2]
NAME = "small"
RATE, WIDTH = "model.learning_rate", "model.d_model"

TOY = Space(
    name="toy",
    params=SpaceParams(
        recipe="toy",
        task="mortality",
        metric="auroc",
        module="toy",
        shared=("model", "train.seeds"),
        needs=("a", "b", "c", "d", "e"),
        parameters={RATE: {}, WIDTH: {}},
    ),
    domains={
        RATE: FloatRange(kind="float", low=0.0001, high=1.0, log=True),
        WIDTH: Choices(kind="categorical", choices=[8, 16, 32]),
    },
    defaults={RATE: 0.01, WIDTH: 16},
)
SEARCH = SearchParams(
    trials=12,
    seed=3,
    processes=1,
    startup_trials=4,
    pruner=PrunerParams(kind="median", startup_trials=2, warmup_epochs=1),
)


def searched(**changes: Any) -> SearchParams:
    """SEARCH with other values."""
    return dataclasses.replace(SEARCH, **changes)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of 200 patients with a plain split; not to be changed."""
    return write_tables(tmp_path_factory.mktemp("tune") / "tables", patients=200)


def write_searched(root: Path, tables: Path, **changes: Any) -> Path:
    """A repository in which lstm_vitals can be tuned on `tables` as the space `small`.

    changes: of parameters, with dots as double underscores.
    """
    recipe = yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"]["lstm_vitals"]
    needs = ["src/fusehr/models/networks", *["src/fusehr/__init__.py"] * 4]
    space = {
        "recipe": "lstm_vitals",
        "task": "mortality",
        "metric": "auprc",
        **{key: recipe[key] for key in ("module", "shared")},
        "needs": needs,
        "parameters": {
            RATE: {"kind": "float", "low": 0.0005, "high": 0.05, "log": True},
            WIDTH: {"kind": "categorical", "choices": [4, 8, 16]},
        },
    }
    given = {
        "tune.spaces": {NAME: space},
        "recipes.lstm_vitals.needs": needs,
        "tune.trials": 4,
        "tune.startup_trials": 2,
        "tune.pruner.kind": "none",
        "model.epochs": 3,
        "evaluate.bootstrap_draws": 100,
        "evaluate.min_label_patients": 3,
    }
    write_project(root, given | {name.replace("__", "."): one for name, one in changes.items()})
    (root / "data").mkdir()
    for target, source in (
        ("src", ROOT / "src"),
        ("stages", ROOT / "stages"),
        ("metrics", ROOT / "metrics"),
        ("data/tables", tables),
    ):
        (root / target).symlink_to(source)
    return root


@pytest.fixture
def repository(
    tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """`write_searched` in a folder of its own, with a cache of its own."""
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "cache"))

    def write(name: str = "repository", *, of: Path = tables, **changes: Any) -> Path:
        return write_searched(tmp_path / name, of, **changes)

    return write
