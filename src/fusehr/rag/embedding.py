"""Vectors of facts and summaries, by the encoder and the reduction that `embed` fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from fusehr.core.embed_schemas import TEXTS_TABLE, fixed_lists, reduced_table, vectors_table
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, read_parquet, write_parquet
from fusehr.core.params.embed import EmbedParams
from fusehr.core.params.rag import EmbeddedText
from fusehr.models.text.choose import ready_encoder
from fusehr.models.text.encoder import UNKNOWN, TextEncoder
from fusehr.models.text.reduction import Reduction
from fusehr.models.text.tfidf import WEIGHTS, HashedWords, TfidfSvd
from fusehr.rag.vectors import vectors_of


@dataclass(frozen=True)
class Tally:
    """Texts that have a vector, and how many of them were not in the store."""

    texts: int
    encoded: int
    encoder: str


def embed_texts(rag: Path, embedded: Path, kinds: list[EmbeddedText], params: EmbedParams) -> Tally:
    """Write vectors and reduced of the texts of `kinds` beside them.

    rag: data/rag, with `texts`; embedded: data/embed. Raises InputError where the encoder is not
    the one that `embed` used, as its components would then mean nothing.
    """
    with threadpool_limits(params.threads):
        fitted = read_json(embedded / "fitted.json")
        encoder = ready_encoder(params) or _fitted_encoder(embedded, fitted["dimension"])
        if (encoder.name, encoder.dimension) != (fitted["encoder"], fitted["dimension"]):
            raise InputError(
                f"{embedded}/fitted.json: expected {encoder.name} with {encoder.dimension} "
                f"dimensions, found {fitted['encoder']} with {fitted['dimension']}"
            )
        reduce = Reduction.load(embedded)
        texts = read_parquet(rag / "texts.parquet", TEXTS_TABLE)
        texts = texts[[bool(set(kinds) & set(told)) for told in texts["kinds"]]]
        found = vectors_of(encoder, texts["text"].tolist())
    shas = pa.array(texts["text_sha256"].tolist(), pa.string())
    told = found.truncated != UNKNOWN
    columns = {
        "text_sha256": shas,
        "encoder": pa.array([encoder.name] * len(shas), pa.string()),
        "dimension": pa.array(np.full(len(shas), encoder.dimension), pa.int64()),
        "truncated": pa.array(found.truncated == 1, mask=~told),
        "vector": fixed_lists(found.vectors),
    }
    write_parquet(rag / "vectors.parquet", pa.table(columns), vectors_table(encoder.dimension))
    small = {"text_sha256": shas, "vector": fixed_lists(reduce(found.vectors))}
    width = reduce.directions.shape[1]
    write_parquet(rag / "reduced.parquet", pa.table(small), reduced_table(width))
    return Tally(len(shas), found.encoded, encoder.name)


def _fitted_encoder(embedded: Path, dimension: int) -> TextEncoder:
    if (embedded / WEIGHTS).exists():
        return TfidfSvd.load(embedded)
    return HashedWords(dimension)
