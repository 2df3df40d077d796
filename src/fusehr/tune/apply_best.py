"""Write the best parameters of a search into params.yaml, and change nothing else in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file
from fusehr.core.frame.params import StageParams, lookup, read_yaml
from fusehr.core.params.tune import Value
from fusehr.train.engine.registry import load_recipe
from fusehr.tune.report import OVERLAY
from fusehr.tune.space import single_value, with_values

PARAMS = "params.yaml"
RESULTS = Path("data/tune")


def apply_best(root: Path, name: str) -> list[str]:
    """Put data/tune/<name>/best.yaml into params.yaml; a line for each change, old -> new.

    Values are replaced where they stand, so that comments, order and every other byte stay. Raises
    InputError where there is no such space or no result of it yet, where a path is gone, and where
    the recipe does not take the values; params.yaml is then as it was.
    """
    file = root / PARAMS
    tree = read_yaml(file)
    spaces = lookup(tree, "tune.spaces")
    if name not in spaces:
        raise InputError(
            f"{PARAMS}: tune.spaces.{name}: expected one of {', '.join(spaces)}, found none"
        )
    overlay = RESULTS / name / OVERLAY
    if not (root / overlay).is_file():
        raise InputError(
            f"{overlay}: expected the result of a search, found none; run `make tune space={name}`"
        )
    best = read_yaml(root / overlay)
    old = {path: _old(tree, path, overlay) for path in best}
    changed = {path: value for path, value in best.items() if not _same(value, old[path])}
    text = file.read_bytes().decode()
    replaced = replace_values(text, changed)
    _expect_valid(tree, replaced, best, spaces[name]["recipe"], overlay)
    if changed:
        with output_file(file) as partial:
            partial.write_bytes(replaced.encode())
    lines = [f"{path}: {old[path]} -> {value}" for path, value in changed.items()]
    lines = lines or [f"{PARAMS}: has the best parameters of {name} already"]
    return lines + _shared_with(tree, changed, spaces[name]["recipe"])


def replace_values(text: str, values: Mapping[str, Value]) -> str:
    """`text`, a YAML mapping, with other scalars at the dotted paths of `values`."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    spans = []
    for path, value in values.items():
        node = _node(root, path)
        start, end = node.start_mark.index, node.end_mark.index
        # a block scalar ends where the next line begins
        spans.append((start, start + len(text[start:end].rstrip()), _scalar(value)))
    for start, end, scalar in sorted(spans, reverse=True):
        text = text[:start] + scalar + text[end:]
    return text


def _node(root: Any, path: str) -> yaml.ScalarNode:
    node = root
    for key in path.split("."):
        node = next(value for name, value in node.value if name.value == key)
    return node


def _scalar(value: Value) -> str:
    """As YAML, such that every reader sees the same type: 5.0e-05 is no number without the `.0`."""
    return yaml.safe_dump(value).removesuffix("...\n").strip()


def _old(tree: Mapping[str, Any], path: str, overlay: Path) -> Value:
    return single_value(tree, path, where=f"{overlay}: {path}", within=f" in {PARAMS}")


def _same(one: Value, other: Value) -> bool:
    return one == other and type(one) is type(other)


def _expect_valid(
    tree: Mapping[str, Any], text: str, best: Mapping[str, Value], recipe: str, overlay: Path
) -> None:
    """The recipe takes the values, and the text holds just them besides what it held before."""
    before = StageParams(f"train@{recipe}", tuple(tree), tree)
    expected = with_values(before, best)
    try:
        load_recipe(recipe, expected)
    except InputError as error:
        raise InputError(f"with {overlay}: {error}") from None
    if not _is(text, expected.tree):
        raise InputError(
            f"{PARAMS}: expected each parameter of {overlay} once and as a plain value; "
            "an alias or a merge stands for one of them"
        )


def _is(text: str, tree: Mapping[str, Any]) -> bool:
    try:
        return yaml.safe_load(text) == tree
    except yaml.YAMLError:
        return False


def _shared_with(tree: Mapping[str, Any], changed: Mapping[str, Value], recipe: str) -> list[str]:
    """Who else reads a block that was changed."""
    lines = []
    for block in sorted({path.split(".")[0] for path in changed} - {"recipes"}):
        others = [
            name
            for name, own in tree["recipes"].items()
            if name != recipe and block in own["shared"]
        ]
        if others:
            lines.append(f"{block} is also read by {', '.join(others)}, which will be trained anew")
    return lines
