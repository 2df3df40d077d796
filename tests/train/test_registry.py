"""A recipe reads the parameters that its stage declares, all of them and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import UndeclaredParameterError, stage_params
from fusehr.train.engine.registry import load_job

ROOT = Path(__file__).resolve().parents[2]
RECIPES = list(yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"])


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_declared_is_read(recipe: str) -> None:
    params = stage_params(f"train@{recipe}", ROOT)
    load_job(recipe, params)
    for declared in params.declared:
        assert any(read == declared or read.startswith(f"{declared}.") for read in params.reads)


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_recipe_needs_exists(recipe: str) -> None:
    block = yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"][recipe]
    assert (ROOT / "src/fusehr/train/recipes" / f"{block['module']}.py").is_file()
    for path in block["needs"]:
        assert path.startswith("data/") or (ROOT / path).exists(), path


def test_width_of_the_networks_concerns_neural_recipes_alone() -> None:
    def reads(recipe: str) -> set[str]:
        params = stage_params(f"train@{recipe}", ROOT)
        load_job(recipe, params)
        return params.reads

    assert [recipe for recipe in RECIPES if "model" in reads(recipe)] == [
        "lstm_vitals",
        "lstm_notes",
        "emerge",
        "bia_fusion",
        "triage_fusion",
        "fusehr",
    ]


def test_a_section_that_the_stage_does_not_declare_is_refused(
    project: Callable, tmp_path: Path
) -> None:
    project(tmp_path, {})
    pipeline = yaml.safe_load((tmp_path / "dvc.yaml").read_text())
    pipeline["stages"]["train"]["do"]["params"].remove("${item.shared.0}")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    with pytest.raises(UndeclaredParameterError, match=r"expected model, found recipes\.lstm"):
        load_job("lstm_vitals", stage_params("train@lstm_vitals", tmp_path))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "recipes.gbm.module",
            "xgboost",
            r"recipes\.gbm\.module: expected one of bia_fusion, .*'xgboost'",
        ),
        ("recipes.gbm.module", "..core", r"recipes\.gbm\.module: expected one of"),
        ("recipes.gbm.max_bins", 256, r"recipes\.gbm\.max_bins: .*255"),
        ("recipes.gbm.modalities", [], r"recipes\.gbm\.modalities: .*at least 1"),
        ("recipes.gbm.modalities", ["smell"], r"recipes\.gbm\.modalities\.0: .*'smell'"),
        ("train.seeds", [], r"train\.seeds: .*at least 1"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    path: str, value: object, message: str, project: Callable, tmp_path: Path
) -> None:
    project(tmp_path, {path: value})
    with pytest.raises(InputError, match=message):
        load_job("gbm", stage_params("train@gbm", tmp_path))


def test_a_parameter_that_no_recipe_knows_is_refused(project: Callable, tmp_path: Path) -> None:
    project(tmp_path, {})
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    params["recipes"]["gbm"]["max_depth"] = 3
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(InputError, match=r"recipes\.gbm\.max_depth: unknown parameter"):
        load_job("gbm", stage_params("train@gbm", tmp_path))
