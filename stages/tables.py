"""Stage `tables`: the source's files to OneEHR tables, samples, labels and splits."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.core.params.tables import TablesParams
from fusehr.tables.convert import convert


def main() -> None:
    """Read data/raw; write data/tables and metrics/tables.json."""
    params = stage_params("tables").section("tables", TablesParams)
    convert(Path("data/raw"), Path("data/tables"), Path("metrics/tables.json"), params)
    say("tables: wrote data/tables and metrics/tables.json")


if __name__ == "__main__":
    run(main)
