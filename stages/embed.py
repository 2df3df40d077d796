"""Stage `embed`: the texts of notes and indicators to vectors, each distinct text once."""

from __future__ import annotations

import os
from pathlib import Path

from fusehr.core.frame.files import output_folder, write_json
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run
from fusehr.core.params.embed import EmbedParams


def main() -> None:
    """Read data/tables; write data/embed and metrics/embed.json."""
    # Threads that wait for each other must sleep: spinning ones starve whatever else runs on the
    # cores. Read when libraries are loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from fusehr.embed.run import embed

    params = stage_params("embed").section("embed", EmbedParams)
    with output_folder("data/embed") as folder:
        counts = embed(Path("data/tables"), folder, params)
    write_json("metrics/embed.json", counts)


if __name__ == "__main__":
    run(main)
