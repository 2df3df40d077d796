"""Parameters on top of others: dotted path -> value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import lookup


def overlay(params: Mapping[str, Any], changes: Mapping[str, Any], *, file: str) -> dict[str, Any]:
    """`params` with what `changes` of `file` says.

    Raises InputError for an unknown path and for a value of another type; a whole number may stand
    where a fraction is expected.
    """
    changed = yaml.safe_load(yaml.safe_dump(dict(params)))
    for path, value in changes.items():
        old = lookup(changed, path, file=file)
        whole = type(old) is float and type(value) is int
        if type(old) is not type(value) and not whole:
            raise InputError(
                f"{file}: {path}: expected {type(old).__name__}, found {type(value).__name__}"
            )
        *parents, last = path.split(".")
        node = changed
        for parent in parents:
            node = node[parent]
        node[last] = float(value) if whole else value
    return changed
