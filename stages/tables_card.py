"""Stage `tables-card`: the data set card, in words, in a comparison and on a page of pictures."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.core.params.tables import TablesParams
from fusehr.tables.card.write import write_card


def main() -> None:
    """Read data/tables, and of data/raw the manifest and graph; write plots/dataset*."""
    params = stage_params("tables-card").section("tables", TablesParams)
    write_card(Path("data/raw"), Path("data/tables"), Path("plots"), params)
    say("tables-card: wrote plots/dataset.md, dataset.png and dataset_comparison.csv")


if __name__ == "__main__":
    run(main)
