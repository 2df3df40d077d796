"""Write a card for every recipe of the leaderboard, and a page that lists them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_folder, read_json, sha256_of
from fusehr.core.frame.params import read_yaml
from fusehr.evaluate.cards.card import Model, card
from fusehr.evaluate.outputs import BOARD, FULL, HEADLINE

TEXTS = Path(__file__).with_name("texts.yaml")


def write_cards(
    root: Path, params: Mapping[str, dict[str, Any]], *, source: str, seeds: list[int]
) -> list[str]:
    """plots/cards/<recipe>.md below `root` from its metrics/ and plots/; the recipes' names.

    params: recipe -> its resolved parameters. Raises InputError where a table is absent, or a
    recipe has no text.
    """
    texts = read_yaml(TEXTS)
    board = read_json(root / "metrics/leaderboard.json")
    metrics, gaps = (_table(root / f"plots/{name}.csv") for name in ("metrics", "subgroup_gaps"))
    whole = (metrics["variant"] == FULL) & metrics["class"].isin(HEADLINE)
    metrics = metrics[whole & metrics["metric"].isin(BOARD) & metrics["value"].notna()]
    split_sha = sha256_of(root / "data/tables/splits.parquet")
    with output_folder(root / "plots/cards") as folder:
        for recipe, own in params.items():
            if recipe not in texts["recipes"]:
                raise InputError(f"{TEXTS.name}: recipes.{recipe}: expected a text, found none")
            entries = {task: board[task].get(recipe, {}) for task in board}
            model = Model(
                recipe,
                own,
                metrics[metrics["recipe"] == recipe],
                gaps[gaps["recipe"] == recipe],
                {task: e["skipped"] for task, e in entries.items() if "skipped" in e},
            )
            text = card(model, texts, source=source, split_sha=split_sha, seeds=seeds)
            (folder / f"{recipe}.md").write_text(text)
        lines = [f"- [{name}]({name}.md): {texts['recipes'][name]['what']}" for name in params]
        head = "# Model cards\n\nThe data are described in the [data set card](../dataset.md).\n"
        (folder / "README.md").write_text("\n".join([head, *lines]) + "\n")
    return list(params)


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: expected a file, found none; run `dvc repro`")
    return pd.read_csv(path)
