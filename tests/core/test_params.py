"""Parameters: typed, validated with their full path, and only those a stage declares."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr import check
from fusehr.check import check_params
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import UndeclaredParameterError, stage_params, validate
from fusehr.core.params.model import ModelParams
from fusehr.core.params.tables import TablesParams

ROOT = Path(__file__).parents[2]
TREE: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """params.yaml and files of stages of this repository, free to be changed."""
    for name in ("params.yaml", "dvc.yaml", "stages/tune/dvc.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    return tmp_path


def _set(folder: Path, path: str, value: Any) -> None:
    tree = yaml.safe_load((folder / "params.yaml").read_text())
    *parents, last = path.split(".")
    node = tree
    for parent in parents:
        node = node[parent]
    node[last] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(tree))


def test_the_parameters_of_this_repository_are_valid() -> None:
    # raw, three of tables, embed, three of rag, train-images, four of distill, five of evaluate;
    # train and evaluate-score a recipe each; a search of each space
    stages = 18 + 2 * len(TREE["recipes"]) + len(TREE["tune"]["spaces"])
    assert check_params(ROOT) == stages


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("model.d_model", "64", "model.d_model: Input should be a valid integer, found '64'"),
        ("model.d_model", 64.5, "model.d_model: Input should be a valid integer"),
        ("model.d_model", 66, "model: d_model 66 is not divisible by heads 4"),
        ("model.width", 64, "model.width: unknown parameter"),
        ("tables.split.kind", "row", "tables.split.kind: Input should be 'patient', 'temporal' or"),
        (
            "tables.mortality.index_hours",
            0,
            "tables.mortality.index_hours: Input should be greater",
        ),
        ("raw.source", "mimic5", "raw.source: expected one of synthetic, mimic4_demo, mimic4"),
        ("raw.mimic5", {}, "raw.mimic5: unknown parameter"),
        ("raw.notes_file", {"path": "notes.csv"}, "raw.notes_file.kind: missing parameter"),
        (
            "raw.notes_file",
            {"path": "notes.csv", "kind": "Ward note"},
            "raw.notes_file.kind: String should match pattern",
        ),
        ("recipes.gbm.depth", 3, "recipes.gbm.depth: unknown parameter"),
        ("evaluate.primary_metric.mortality", "f2", "evaluate.primary_metric.mortality: Input"),
        ("modle", {}, "modle: unknown parameter"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_full_path(
    repository: Path, path: str, value: Any, message: str
) -> None:
    _set(repository, path, value)
    with pytest.raises(InputError) as caught:
        check_params(repository)
    assert f"params.yaml: {message}" in str(caught.value)


@pytest.mark.parametrize(
    "missing, message",
    [
        ("data/evaluate/gbm", "dvc.yaml: evaluate: deps: expected data/evaluate/gbm, found none"),
        ("data/train/gbm/curves.csv", "evaluate: deps: expected data/train/gbm/curves.csv"),
        (
            "data/train/gbm/predictions.parquet",
            "evaluate-subgroups: deps: expected data/train/gbm/predictions.parquet",
        ),
    ],
)
def test_a_recipe_that_a_list_of_all_lacks_is_named(
    repository: Path, missing: str, message: str
) -> None:
    file = repository / "dvc.yaml"
    line = f"      - {missing}\n"
    assert line in file.read_text()
    file.write_text(file.read_text().replace(line, ""))
    with pytest.raises(InputError, match=re.escape(message)):
        check_params(repository)


def test_a_recipe_without_a_text_for_its_card_is_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    texts = yaml.safe_load(check.TEXTS.read_text())
    del texts["recipes"]["gbm"]
    monkeypatch.setattr(check, "TEXTS", tmp_path / "texts.yaml")
    check.TEXTS.write_text(yaml.safe_dump(texts))
    with pytest.raises(InputError, match=r"texts.yaml: recipes.gbm: expected a text"):
        check_params(repository)


def test_a_missing_parameter_is_named() -> None:
    block = {k: v for k, v in TREE["model"].items() if k != "heads"}
    with pytest.raises(InputError, match=r"params.yaml: model.heads: missing parameter"):
        validate(block, ModelParams, "model")


def test_every_wrong_parameter_is_named_at_once() -> None:
    block = TREE["model"] | {"dropout": 1.5, "epochs": "many"}
    with pytest.raises(InputError) as caught:
        validate(block, ModelParams, "model")
    assert "model.dropout" in str(caught.value) and "model.epochs" in str(caught.value)


def test_a_stage_is_handed_what_it_declares_and_nothing_else(repository: Path) -> None:
    params = stage_params("tables", repository)
    assert params.section("tables", TablesParams).mortality.index_hours == 48
    assert params.reads == {"tables"}
    with pytest.raises(UndeclaredParameterError, match=r"stages.tables.params: expected model"):
        params.section("model", ModelParams)


def test_a_narrow_declaration_does_not_open_its_parent(repository: Path) -> None:
    params = stage_params("raw", repository)
    assert params.section("raw.source", str) == "synthetic"
    for path in ("raw", "raw.mimic4", "raw.sourc", "raw.source_of"):
        with pytest.raises(UndeclaredParameterError):
            params.section(path, dict)


def test_templates_are_filled_in_as_dvc_does(repository: Path) -> None:
    assert "raw.synthetic" in stage_params("raw", repository).declared
    _set(repository, "raw.source", "mimic4_demo")
    assert "raw.mimic4_demo" in stage_params("raw", repository).declared
    assert "model" in stage_params("train@lstm_vitals", repository).declared
    assert "model" not in stage_params("train@gbm", repository).declared


def test_an_unknown_recipe_is_refused(repository: Path) -> None:
    with pytest.raises(InputError, match=r"train@xgboost: expected one of majority"):
        stage_params("train@xgboost", repository)


def test_broken_yaml_names_the_line(repository: Path) -> None:
    (repository / "params.yaml").write_text("raw:\n  source: [\n")
    with pytest.raises(InputError, match=r"params.yaml: not valid YAML at line 3"):
        stage_params("raw", repository)


def test_block_style_and_no_templates_in_params() -> None:
    """`dvc exp run -S` turns flow lists into block lists and would break templates."""
    lines = (ROOT / "params.yaml").read_text().splitlines()
    values = [line.split("#")[0] for line in lines if not line.lstrip().startswith("#")]
    assert not [line for line in values if "{" in line.replace("{}", "")]
    assert not [line for line in values if "[" in line and "[]" not in line]
