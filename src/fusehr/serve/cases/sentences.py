"""Sentences of notes and their vectors, as the stage `embed` writes them of a cohort."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fusehr.core.embed_schemas import NOTE_SENTENCES, TEXTS_TABLE, fixed_lists, vectors_table
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.params.embed import EmbedParams
from fusehr.embed.sentences import sentences
from fusehr.models.text.choose import ready_encoder
from fusehr.models.text.encoder import TextEncoder, encode_in_order
from fusehr.models.text.tfidf import NAME, HashedWords, TfidfSvd
from fusehr.serve.cases.tables import write_rows


def fitted_text_encoder(embedded: Path, params: EmbedParams) -> TextEncoder:
    """The encoder that wrote `embedded` (data/embed).

    Raises InputError where `params`, the block `embed`, no longer describe it.
    """
    fitted = read_json(embedded / "fitted.json")
    encoder = ready_encoder(params)
    if encoder is None and fitted["encoder"] == NAME:
        encoder = TfidfSvd.load(embedded)
    elif encoder is None:
        encoder = HashedWords(fitted["dimension"])
    found = (encoder.name, encoder.dimension)
    if found != (fitted["encoder"], fitted["dimension"]):
        raise InputError(
            f"params.yaml: embed: expected {fitted['encoder']} of {fitted['dimension']} "
            f"dimensions, as in {embedded / 'fitted.json'}, found {found[0]} of {found[1]}; "
            "run `dvc repro`"
        )
    return encoder


def write_sentences(folder: Path, notes: Sequence[dict[str, Any]], encoder: TextEncoder) -> None:
    """Write note_sentences, texts and vectors of `notes` (note_id, text) into `folder`."""
    rows: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    for note in notes:
        for position, text in enumerate(sentences(note["text"])):
            sha = hashlib.sha256(text.encode()).hexdigest()
            texts[sha] = text
            rows.append({"note_id": note["note_id"], "position": position, "text_sha256": sha})
    write_rows(folder / "note_sentences.parquet", rows, NOTE_SENTENCES)
    shas = sorted(texts)
    known = [{"text_sha256": sha, "kinds": ["sentences"], "text": texts[sha]} for sha in shas]
    write_rows(folder / "texts.parquet", known, TEXTS_TABLE)
    vectors = np.empty((0, encoder.dimension), dtype=np.float32)
    if shas:
        vectors = encode_in_order(encoder, [texts[sha] for sha in shas]).vectors
    columns = {
        "text_sha256": pa.array(shas, pa.string()),
        "encoder": pa.array([encoder.name] * len(shas), pa.string()),
        "dimension": pa.array([encoder.dimension] * len(shas), pa.int64()),
        "truncated": pa.array([None] * len(shas), pa.bool_()),
        "vector": fixed_lists(vectors),
    }
    schema = vectors_table(encoder.dimension).arrow()
    pq.write_table(pa.table(columns, schema=schema), folder / "vectors.parquet")
