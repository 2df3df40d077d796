"""Sentences of a sample's newest notes as words, for an encoder that is trained along."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
from transformers import AutoTokenizer

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import NOTE_SENTENCES, TEXTS_TABLE
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.gate.availability import attach_notes
from fusehr.models.networks.inputs.modality import RaggedTokens, ragged
from fusehr.models.networks.inputs.vectors import attach_vectors

TOKENISED = 1024  # sentences in one call of the tokenizer


def load_note_words(
    con: duckdb.DuckDBPyConnection,
    samples: TaskSamples,
    embedded: Path,
    tokenizer: Path,
    *,
    kinds: Sequence[str],
    most_notes: int,
    most_tokens: int,
    most_words: int,
) -> RaggedTokens:
    """Tokens int32 (most_words,): a sentence's words, each by its number plus one, 0 behind them.

    The sentences, and their order, are those of load_note_sentences. tokenizer: its folder;
    most_words: of a sentence, those of the tokenizer itself included.
    """
    attach_notes(con, samples.task)
    path, texts = embedded / f"{NOTE_SENTENCES.name}.parquet", embedded / "texts.parquet"
    check_parquet(path, NOTE_SENTENCES)
    check_parquet(texts, TEXTS_TABLE)
    con.from_parquet(str(path)).create_view("note_sentences", replace=True)
    # the query wants the row of a text in some table: here in that of the texts themselves
    attach_vectors(con, texts, key="text_sha256", view="text_vectors")
    sql = (Path(__file__).parent / "note_sentences.sql").read_text()
    found: dict[str, Any] = con.execute(
        sql, {"kinds": list(kinds), "most_notes": most_notes, "most_tokens": most_tokens}
    ).fetchnumpy()
    used, token = np.unique(found["vector_row"].astype(np.int64), return_inverse=True)
    sentences = pq.read_table(texts, columns=["text"]).column("text").take(used).to_pylist()
    table = sentence_words(sentences, tokenizer, most_words)
    return ragged(table, found["sample_row"], token, n=len(samples.samples))


def sentence_words(sentences: list[str], folder: Path, most_words: int) -> np.ndarray:
    """int32 (n, most_words): of each of n sentences, words as load_note_words has them."""
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    table = np.zeros((len(sentences), most_words), dtype=np.int32)
    for start in range(0, len(sentences), TOKENISED):
        some = sentences[start : start + TOKENISED]
        ids = tokenizer(some, truncation=True, max_length=most_words)["input_ids"]
        for row, words in enumerate(ids, start):
            table[row, : len(words)] = np.array(words) + 1
    return table
