"""The example hospital of tests/tables/example, and parameters as params.yaml gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr.core.frame.params import validate
from fusehr.core.params.tables import TablesParams

EXAMPLE = Path(__file__).parent / "example"
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def example() -> dict[str, str]:
    """Tables of the example hospital by name, as CSV text, free to be changed."""
    folder = EXAMPLE / "in"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_text()
        for path in sorted(folder.rglob("*.csv"))
    }


@pytest.fixture
def params() -> Callable[..., TablesParams]:
    """The block `tables` of params.yaml, with changes by dotted name."""

    def make(**changes: Any) -> TablesParams:
        block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["tables"]
        for name, value in changes.items():
            *parents, last = name.split("__")
            node = block
            for parent in parents:
                node = node[parent]
            node[last] = value
        return validate(block, TablesParams, "tables")

    return make
