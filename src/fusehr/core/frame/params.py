"""Load params.yaml, hand a stage the sections it declares, and refuse every other.

DVC reruns a stage when a section listed under its `params:` changes and never checks that the code
reads just those. Here the list in dvc.yaml is the permission: a section that is not declared cannot
be read, so a stage cannot go stale silently.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform, overload

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from fusehr.core.frame.errors import InputError

T = TypeVar("T")
C = TypeVar("C")

BLOCKS = (
    "raw",
    "tables",
    "embed",
    "rag",
    "train",
    "model",
    "recipes",
    "evaluate",
    "distill",
    "defects",
    "tune",
    "presets",
)

PIPELINE = Path("dvc.yaml")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[C]) -> type[C]:
    """A frozen dataclass that refuses unknown fields and never converts a type."""
    made: Any = pydantic_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))(
        cls
    )
    return made


class UndeclaredParameterError(InputError):
    """A stage asked for a section that dvc.yaml does not list under its `params:`."""


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping, or InputError naming the file."""
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: file not found; run from the repository's root") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}: not valid YAML{where}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping, found {type(content).__name__}")
    return content


def lookup(tree: Mapping[str, Any], path: str, *, file: str = "params.yaml") -> Any:
    """The value at a dotted path (a number in it: of a list), or InputError with the full path."""
    node: Any = tree
    for depth, key in enumerate(path.split(".")):
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            found = ".".join(path.split(".")[: depth + 1])
            raise InputError(f"{file}: {found}: expected a value, found none")
    return node


def validate(value: Any, kind: type[T], path: str, *, file: str = "params.yaml") -> T:
    """`value` as `kind` (a frozen dataclass or a plain type), strictly: "64" is not 64.

    Raises InputError with the full path of each parameter that is unknown, missing or ill-typed.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False):
            full = ".".join([path, *(str(part) for part in problem["loc"])])
            lines.append(f"{file}: {full}: {_in_words(problem)}")
        raise InputError("\n".join(lines)) from None


def _in_words(problem: Any) -> str:
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return "unknown parameter"
    if problem["type"] in ("missing", "missing_argument"):
        return "missing parameter"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return f"{problem['msg']}, found {problem['input']!r}"


@dataclasses.dataclass
class StageParams:
    """The sections of params.yaml that one stage declares in dvc.yaml.

    `reads` collects what was asked for, so that a test can hold it against what is declared.
    """

    stage: str
    declared: tuple[str, ...]
    tree: Mapping[str, Any]
    reads: set[str] = dataclasses.field(default_factory=set)

    @overload
    def section(self, path: str, kind: type[T]) -> T: ...

    @overload
    def section(self, path: str, kind: Any) -> Any: ...

    def section(self, path: str, kind: Any) -> Any:
        """The section at `path`, validated as `kind`; UndeclaredParameterError if not declared."""
        if not any(path == d or path.startswith(d + ".") for d in self.declared):
            raise UndeclaredParameterError(
                f"dvc.yaml: stages.{self.stage}.params: expected {path}, "
                f"found {', '.join(self.declared) or 'nothing'}"
            )
        self.reads.add(path)
        return validate(lookup(self.tree, path), kind, path)


def stage_params(stage: str, root: Path = Path(), *, pipeline: Path = PIPELINE) -> StageParams:
    """Parameters of `stage` as dvc.yaml names it, for example `tables` or `train@gbm`.

    pipeline: another file of stages, below `root`.
    """
    tree = read_yaml(root / "params.yaml")
    for block in tree:
        if block not in BLOCKS:
            raise InputError(
                f"params.yaml: {block}: unknown parameter; blocks are {', '.join(BLOCKS)}"
            )
    return StageParams(stage, declared_params(stage, read_yaml(root / pipeline), tree), tree)


def declared_params(
    stage: str, pipeline: Mapping[str, Any], tree: Mapping[str, Any]
) -> tuple[str, ...]:
    """What `stage` lists under `params:`, with DVC's `${...}` filled in as DVC does."""
    return _declared(stage, "params", pipeline, tree)


def declared_deps(
    stage: str, pipeline: Mapping[str, Any], tree: Mapping[str, Any]
) -> tuple[str, ...]:
    """What `stage` lists under `deps:`, filled in likewise."""
    return _declared(stage, "deps", pipeline, tree)


def _declared(
    stage: str, key: str, pipeline: Mapping[str, Any], tree: Mapping[str, Any]
) -> tuple[str, ...]:
    name, _, item = stage.partition("@")
    definition = lookup(pipeline, "stages", file="dvc.yaml").get(name)
    if definition is None:
        raise InputError(f"dvc.yaml: stages.{name}: expected a stage, found none")
    scope: dict[str, Any] = dict(tree)
    if "foreach" in definition:
        items = lookup(tree, re.sub(r"^\$\{(.*)\}$", r"\1", definition["foreach"]))
        if item not in items:
            known = ", ".join(map(str, items))
            raise InputError(f"params.yaml: {name}@{item}: expected one of {known}")
        scope |= {"key": item, "item": items[item]}
        definition = definition["do"]
    return tuple(_fill(entry, scope) for entry in definition.get(key, []))


def _fill(text: str, scope: Mapping[str, Any]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda match: str(lookup(scope, match[1].strip())), text)
