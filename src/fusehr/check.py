"""Validate every parameter before a long run, not when the stage that reads it is reached."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import (
    StageParams,
    declared_params,
    lookup,
    read_yaml,
    stage_params,
    validate,
)
from fusehr.core.params.defects import DefectsParams
from fusehr.core.params.distill import DistillParams
from fusehr.core.params.embed import EmbedParams
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.core.params.model import ModelParams
from fusehr.core.params.rag import RagParams
from fusehr.core.params.raw import SOURCES, NotesFileParams, expect_source
from fusehr.core.params.tables import TablesParams
from fusehr.core.params.train import TrainParams
from fusehr.core.params.tune import TuneParams
from fusehr.evaluate.cards.write import TEXTS
from fusehr.tune.identity import PIPELINE, STAGE
from fusehr.tune.space import load_space

BLOCKS: dict[str, Any] = {
    "tables": TablesParams,
    "embed": EmbedParams,
    "rag": RagParams,
    "train": TrainParams,
    "model": ModelParams,
    "distill": DistillParams,
    "evaluate": EvaluateParams,
    "defects": DefectsParams,
    "tune": TuneParams,
}
NOTES_FILE: Any = NotesFileParams | None
# What stages read of every recipe; DVC cannot make such a list of the parameters.
LISTED = {
    "evaluate": ("data/evaluate/{}", "data/train/{}/curves.csv"),
    "evaluate-subgroups": ("data/train/{}/predictions.parquet",),
}


def check_params(root: Path) -> int:
    """Validate params.yaml whole; the number of stages whose declared sections all exist.

    Raises InputError with the full path of the first block's unknown, missing or ill-typed ones,
    and where a recipe is not named wherever all of them have to be.
    """
    # refuses unknown blocks; every other stage is declared from the files as they were read once
    tree = dict(stage_params("raw", root).tree)
    pipeline, searches = (read_yaml(root / file) for file in ("dvc.yaml", PIPELINE))
    stages = [
        StageParams(name, declared_params(name, pipeline, tree), tree)
        for name in _stage_names(pipeline, tree)
    ]
    raw = dict(tree["raw"])
    source, remote = raw.pop("source", None), raw.pop("remote", None)
    validate(source, str, "raw.source")
    validate(remote, str, "raw.remote")
    validate(raw.pop("notes_file", None), NOTES_FILE, "raw.notes_file")
    expect_source(source)
    for name, block in raw.items():
        if name not in SOURCES:
            raise InputError(f"params.yaml: raw.{name}: unknown parameter")
        validate(block, SOURCES[name], f"raw.{name}")
    for name, kind in BLOCKS.items():
        validate(tree[name], kind, name)
    for name, block in tree["recipes"].items():
        module = importlib.import_module(f"fusehr.train.recipes.{block.get('module')}")
        validate(block, module.Params, f"recipes.{name}")
    _expect_listed(tree["recipes"], pipeline)
    for name in tree["tune"]["spaces"]:
        search = f"{STAGE}@{name}"
        searching = StageParams(search, declared_params(search, searches, tree), tree)
        load_space(name, searching)
        stages.append(searching)
    for stage in stages:
        for path in stage.declared:
            lookup(tree, path)
    return len(stages)


def _expect_listed(recipes: Iterable[str], pipeline: dict[str, Any]) -> None:
    texts = read_yaml(TEXTS)["recipes"]
    for recipe in recipes:
        for stage, paths in LISTED.items():
            for path in (path.format(recipe) for path in paths):
                if path not in pipeline["stages"][stage]["deps"]:
                    raise InputError(f"dvc.yaml: {stage}: deps: expected {path}, found none")
        if recipe not in texts:
            raise InputError(f"{TEXTS.name}: recipes.{recipe}: expected a text, found none")


def _stage_names(pipeline: dict[str, Any], tree: dict[str, Any]) -> list[str]:
    names: list[str] = []
    for name, stage in pipeline["stages"].items():
        names += [f"{name}@{key}" for key in tree["recipes"]] if "foreach" in stage else [name]
    return names
