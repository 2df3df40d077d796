"""Fitted scikit-learn models in skops files whose bytes depend on the models alone.

skops names array files and objects by memory addresses and stamps the archive with the clock. Here
they are renumbered in order of appearance and stamped with one fixed date.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can hold


def dump_models(models: dict[str, Any], path: Path) -> None:
    """Write `models` (estimators, arrays, numbers, texts, nested in dicts and lists) to `path`."""
    with _skops() as skops_io:
        archive = io.BytesIO()
        skops_io.dump(models, archive)
    with zipfile.ZipFile(archive) as found:
        schema = json.loads(found.read("schema.json"))
        numbers: dict[int, int] = {}
        files: dict[str, str] = {}
        _renumber(schema, numbers, files)
        with zipfile.ZipFile(path, "w") as written:
            for old, new in files.items():
                written.writestr(zipfile.ZipInfo(new, FIXED_DATE), found.read(old))
            text = json.dumps(schema, separators=(",", ":"))
            written.writestr(zipfile.ZipInfo("schema.json", FIXED_DATE), text)


def load_models(path: Path) -> dict[str, Any]:
    """What `dump_models` wrote; anything but scikit-learn's estimators and arrays is refused."""
    with _skops() as skops_io:
        return skops_io.load(path, trusted=["numpy.dtype"])  # the imputer keeps its input's


def _renumber(node: Any, numbers: dict[int, int], files: dict[str, str]) -> None:
    """Replace, in place, each address by the count of different ones met before it."""
    if isinstance(node, list):
        for child in node:
            _renumber(child, numbers, files)
    elif isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
        if isinstance(name := node.get("file"), str):
            node["file"] = files.setdefault(name, f"{len(files)}{Path(name).suffix}")
        for child in node.values():
            _renumber(child, numbers, files)


@contextmanager
def _skops() -> Iterator[Any]:
    """skops.io, imported without PyTorch.

    To list the estimators that it trusts, skops imports all of scikit-learn, whose array interface
    would then import PyTorch where it is installed: a second and 200 MB that nothing here uses.
    """
    absent = "torch" not in sys.modules
    if absent:
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        import skops.io

        yield skops.io
    finally:
        if absent:
            del sys.modules["torch"]
