"""Named sets of parameters: a published configuration as options of `dvc exp run`.

A preset in params.yaml maps dotted paths of parameters to values. `like` names another one that it
starts from. It is taken into a run by `dvc exp run $(fusehr preset emerge_published)`.
"""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fusehr.check import BLOCKS
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.params.raw import SOURCES, expect_source

LIKE = "like"

# Mappings whose keys are for the user to choose; a preset may add to them.
OPEN = (
    "tables.horizons",
    "raw.oneehr.tasks",
    "raw.oneehr.variables",
    "raw.meds.tasks",
    "raw.meds.notes",
    "raw.flat.variables",
    "raw.emr_csv.levels",
)


def preset_options(root: Path, name: str) -> list[str]:
    """Words of the command line that set the parameters of preset `name`: -S, path=value, ...

    Values are JSON without white space, which Hydra's grammar takes and the shell does not divide.
    Raises InputError with the full path where there is no such preset or parameter, where a value
    cannot stand on a command line, and where a parameter does not take it.
    """
    tree = read_yaml(root / "params.yaml")
    chosen = _resolved(lookup(tree, "presets"), name)
    words = [word for path, value in chosen.items() for word in ("-S", _option(path, value))]
    changed = copy.deepcopy(tree)
    try:
        for path, value in chosen.items():
            _set(changed, path, value)
        for section in sorted({_section(path) for path in chosen}):
            _check(changed, section)
    except InputError as error:
        raise InputError(f"with presets.{name}: {error}") from None
    return words


def _resolved(presets: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Path -> value of a preset, on top of those of the one that it is like."""
    chain: list[str] = []
    following: str | None = name
    while following is not None:
        where = f"presets.{chain[-1]}.{LIKE}" if chain else "presets"
        if following not in presets:
            raise InputError(
                f"params.yaml: {where}: expected one of {', '.join(presets)}, found {following}"
            )
        if following in chain:
            raise InputError(f"params.yaml: {where}: expected another preset, found {following}")
        chain.append(following)
        following = presets[following].get(LIKE)
    merged: dict[str, Any] = {}
    for preset in reversed(chain):
        merged |= {path: value for path, value in presets[preset].items() if path != LIKE}
    return merged


def _set(tree: dict[str, Any], path: str, value: Any) -> None:
    """Change the value at `path`, which must be there but in OPEN."""
    found = None if _is_open(path) else lookup(tree, path)
    for what, content in (("the parameter", found), ("a value", value)):
        if isinstance(content, Mapping):
            raise InputError(
                f"params.yaml: {path}: expected {what} to be a single value or a list, "
                "found a mapping; name what is in it"
            )
    if " " in _word(value):
        raise InputError(
            f"params.yaml: {path}: expected a value without white space, at which the shell would "
            f"divide it, found {value!r}"
        )
    *parents, last = path.split(".")
    block: Any = lookup(tree, ".".join(parents)) if parents else tree
    block[int(last) if isinstance(block, list) else last] = value


def _is_open(path: str) -> bool:
    return path.rpartition(".")[0] in OPEN


def _option(path: str, value: Any) -> str:
    added = "++" if _is_open(path) else ""  # as Hydra tells a new key from a wrong one
    return f"{added}{path}={_word(value)}"


def _section(path: str) -> str:
    """What is validated where a preset changes `path`: its block, or its recipe."""
    block, _, rest = path.partition(".")
    return f"{block}.{rest.split('.')[0]}" if block == "recipes" else block


def _check(tree: Mapping[str, Any], section: str) -> None:
    """Validate a changed section as `fusehr check` does."""
    if section in BLOCKS:
        validate(tree[section], BLOCKS[section], section)
    elif section.startswith("recipes."):
        recipe = lookup(tree, section)
        module = importlib.import_module(f"fusehr.train.recipes.{recipe['module']}")
        validate(recipe, module.Params, section)
    elif section == "raw":
        source = lookup(tree, "raw.source")
        expect_source(source)
        validate(lookup(tree, f"raw.{source}"), SOURCES[source], f"raw.{source}")
    else:
        raise InputError(f"params.yaml: {section}: expected a block that a preset may change")


def _word(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
