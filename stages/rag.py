"""Stage `rag`: what each sample's notes mention, what the graph says of it, and a summary."""

from __future__ import annotations

import os
from pathlib import Path

from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run
from fusehr.core.params.rag import RagParams


def main() -> None:
    """Read data/tables and data/rag/knowledge; write the room's tables into data/rag."""
    # read when libraries are loaded: threads that spin while they wait starve the others
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from fusehr.rag.run import retrieve

    params = stage_params("rag").section("rag", RagParams)
    retrieve(Path("data/tables"), Path("data/rag/knowledge"), Path("data/rag"), params)


if __name__ == "__main__":
    run(main)
