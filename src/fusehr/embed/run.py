"""The room's work in its order: collect texts, embed them, reduce the vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from threadpoolctl import threadpool_limits

from fusehr.core.frame.stage import say
from fusehr.core.params.embed import EmbedParams
from fusehr.embed.corpus import collect
from fusehr.embed.fitting import (
    fitted_encoder,
    fitted_reduction,
    train_texts,
    write_fitted,
    write_reduced,
)
from fusehr.embed.vectors import Tally, write_vectors
from fusehr.models.text.choose import ready_encoder


def embed(tables: Path, folder: Path, params: EmbedParams) -> dict[str, Any]:
    """Fill `folder` (data/embed) from `tables` (data/tables); what to show of it as metrics.

    Raises InputError where a text cannot be embedded.
    """
    # sums of floats depend on how they are divided among threads
    with threadpool_limits(params.threads):
        collect(tables, folder, params)
        texts = train_texts(tables, folder, params)
        if texts is not None and texts.empty:
            say("embed: train patients have no text to fit on; the reduction is a fixed projection")
        encoder = ready_encoder(params) or fitted_encoder(texts, folder, params)
        tally = write_vectors(folder, encoder)
        reduce = fitted_reduction(encoder, texts, folder, params)
        write_reduced(folder, reduce)
        write_fitted(tables, folder, encoder, reduce, texts)
    say(
        f"embed: {tally.texts} texts by {encoder.name}: {tally.encoded} encoded, "
        f"{tally.texts - tally.encoded} reused from the store"
    )
    if tally.truncated:
        say(f"embed: {tally.truncated} texts were cut at {encoder.max_tokens} tokens")
    return _metrics(folder, tally)


def _metrics(folder: Path, tally: Tally) -> dict[str, Any]:
    """Counts that depend on tables and parameters alone, not on what the store held."""
    counts: dict[str, Any] = {"texts": tally.texts}
    if tally.truncated is not None:
        counts["truncated"] = tally.truncated
    with duckdb.connect() as con:
        for name in ("note_features", "note_sentences", "note_segments", "indicators"):
            rows = (
                con.from_parquet(str(folder / f"{name}.parquet")).aggregate("count(*)").fetchall()
            )
            counts["notes" if name == "note_features" else name] = rows[0][0]
        texts = con.from_parquet(str(folder / "texts.parquet"))
        by_kind = texts.project("unnest(kinds) AS kind").aggregate("kind, count(*)").fetchall()
    return counts | {"distinct": dict(sorted(by_kind))}
