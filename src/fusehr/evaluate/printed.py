"""The committed leaderboard, printed again without running anything."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import lookup, read_yaml
from fusehr.evaluate.leaderboard import as_text
from fusehr.evaluate.markdown import as_markdown
from fusehr.evaluate.students.names import ON_BOARD


def printed_leaderboard(root: Path, *, markdown: bool) -> str:
    """metrics/leaderboard.json with the intervals of plots/metrics.csv, or as a Markdown table."""
    board = read_json(root / "metrics/leaderboard.json")
    if markdown:
        return as_markdown(board)
    path = root / "plots/metrics.csv"
    if not path.exists():
        raise InputError(f"{path}: expected a file, found none; run `dvc repro`")
    recipes = [*lookup(read_yaml(root / "params.yaml"), "recipes"), *ON_BOARD.values()]
    return as_text(recipes, pd.read_csv(path), board)
