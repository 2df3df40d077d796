"""Stage `rag-embed`: the texts of facts and summaries to vectors, by the encoder of `embed`."""

from __future__ import annotations

import os
from pathlib import Path

from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.core.params.embed import EmbedParams
from fusehr.core.params.rag import EmbeddedText


def main() -> None:
    """Read data/rag/texts.parquet and what data/embed fitted; write the vectors beside them."""
    # read when libraries are loaded: threads that spin while they wait starve the others
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from fusehr.rag.embedding import embed_texts

    params = stage_params("rag-embed")
    tally = embed_texts(
        Path("data/rag"),
        Path("data/embed"),
        params.section("rag.embed_texts", list[EmbeddedText]),
        params.section("embed", EmbedParams),
    )
    say(
        f"rag-embed: {tally.texts} texts by {tally.encoder}: {tally.encoded} encoded, "
        f"{tally.texts - tally.encoded} reused from the store"
    )


if __name__ == "__main__":
    run(main)
