"""How people at the bedside call diseases whose names a graph has in its own words.

everyday.csv: a name in daily use, and the names under which graphs have that disease, separated by
`|`, the best first. other_things.csv: phrases in which the name of a disease stands for something
else (`CVA tenderness`, `flu shot`), and general words that name no disease. Both are general
knowledge, written for no one graph.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib import resources

from fusehr.rag.words import normal, words


def with_everyday(names: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """`names` (node, name) in their order, then the daily names of those nodes.

    A daily name goes to the first of its graph names that is among `names`.
    """
    own = list(names)
    node_of: dict[tuple[str, ...], int] = {}
    for node, name in own:
        node_of.setdefault(_key(name), node)
    added = []
    for row in _rows("everyday.csv"):
        nodes = (node_of.get(_key(name)) for name in row["names"].split("|"))
        node = next((node for node in nodes if node is not None), None)
        if node is not None and _key(row["alias"]) not in node_of:
            added.append((node, row["alias"]))
    return own + added


def other_things() -> list[str]:
    """Phrases of other_things.csv: what is no disease though it holds the name of one."""
    return [row["phrase"] for row in _rows("other_things.csv")]


def _key(name: str) -> tuple[str, ...]:
    return tuple(normal(word.text) for word in words(name))


@cache
def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("fusehr.rag") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
