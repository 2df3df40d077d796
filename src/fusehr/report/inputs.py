"""What the page is made of: files that a run leaves; what it lacks is named on the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json


@dataclass
class Inputs:
    """Files below `root`; `absent` collects the optional ones that were asked for in vain."""

    root: Path
    absent: list[str] = field(default_factory=list)

    def table(self, name: str, *, required: bool = False) -> pd.DataFrame:
        """plots/<name>.csv with every cell as it is written; empty where an optional one is absent.

        Raises InputError where a required one is absent or a file is no CSV.
        """
        path = self._file(f"plots/{name}.csv", required)
        if path is None:
            return pd.DataFrame()
        try:
            return pd.read_csv(path, dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
            raise InputError(f"{path}: expected a CSV table, found something else") from None

    def json(self, name: str, *, required: bool = False) -> dict[str, Any]:
        """metrics/<name>.json; empty where an optional one is absent."""
        path = self._file(f"metrics/{name}.json", required)
        return {} if path is None else read_json(path)

    def picture(self, name: str, *, required: bool = False) -> str:
        """plots/<name>.png as a data URI; empty where an optional one is absent."""
        path = self._file(f"plots/{name}.png", required)
        return "" if path is None else data_uri(path)

    def _file(self, name: str, required: bool) -> Path | None:
        path = self.root / name
        if path.is_file():
            return path
        if required:
            raise InputError(f"{path}: expected a file, found none; run `dvc repro`")
        if name not in self.absent:
            self.absent.append(name)
        return None


def data_uri(path: Path) -> str:
    """A PNG as text that stands in the page itself."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
