"""Vectors of this run's texts: from the store what it holds, from the encoder the rest.

First what is missing is encoded and stored, then the whole is read back in the order of the texts'
hashes: so the output holds the same bytes whatever the store held before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from fusehr.core.cache_folder import cache_folder
from fusehr.core.embed_schemas import fixed_lists, vectors_table
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.vector_store import VectorStore
from fusehr.embed.corpus import text_batches
from fusehr.models.text.encoder import UNKNOWN, TextEncoder, encode_in_order

CHUNK = 4096  # texts looked up, written and read at a time


@dataclass(frozen=True)
class Tally:
    """How many texts this run has, how many of them were encoded, and how many were cut.

    truncated: None where the encoder does not tell.
    """

    texts: int
    encoded: int
    truncated: int | None


def write_vectors(folder: Path, encoder: TextEncoder) -> Tally:
    """Write folder/vectors.parquet for the texts of folder/texts.parquet."""
    texts = folder / "texts.parquet"
    total = pq.read_metadata(texts).num_rows
    if encoder.stored:
        store = VectorStore(cache_folder("vectors"), encoder.fingerprint, encoder.dimension)
        with closing(store):
            encoded = _fill(store, texts, encoder, total)
            truncated = _write(folder, encoder, _stored(store, texts, encoder))
    else:
        encoded = total
        truncated = _write(folder, encoder, _direct(texts, encoder))
    return Tally(total, encoded, truncated)


Part = tuple[pa.Array, np.ndarray, np.ndarray]  # text_sha256, vectors (n, d), truncated (n,)
Held = tuple[list[bytes], np.ndarray, np.ndarray]  # keys of the store, vectors, truncated


def _fill(store: VectorStore, texts: Path, encoder: TextEncoder, total: int) -> int:
    """Encode what the store lacks; the number of texts encoded."""
    waiting: dict[int, bytes] = {}  # number of a text on its way through the encoder: its hash
    asked = 0

    def missing() -> Iterator[str]:
        nonlocal asked
        for batch in text_batches(texts, CHUNK):
            keys = _keys(batch)
            known = store.get(keys).known
            progress.update(int(known.sum()))
            for row in np.flatnonzero(~known).tolist():
                waiting[asked] = keys[row]
                asked += 1
                yield batch["text"][row].as_py()

    with tqdm(total=total, desc="texts embedded", unit="text", disable=None) as progress:
        held: list[Held] = []
        for part in encoder.encode_stream(missing()):
            keys = [waiting.pop(row) for row in part.rows.tolist()]
            held.append((keys, part.vectors, part.truncated))
            progress.update(len(keys))
            if sum(len(one[0]) for one in held) >= CHUNK:
                _put(store, held)
                held = []
        _put(store, held)
    return asked


def _put(store: VectorStore, held: list[Held]) -> None:
    if held:
        keys = [key for part in held for key in part[0]]
        store.put(keys, np.concatenate([p[1] for p in held]), np.concatenate([p[2] for p in held]))


def _stored(store: VectorStore, texts: Path, encoder: TextEncoder) -> Iterator[Part]:
    for batch in text_batches(texts, CHUNK):
        found = store.get(_keys(batch))
        if not found.known.all():
            raise InputError(
                f"{store.path}: expected the {len(batch)} vectors just written for "
                f"{encoder.name}, found {int(found.known.sum())}"
            )
        yield batch["text_sha256"], found.vectors, found.truncated


def _direct(texts: Path, encoder: TextEncoder) -> Iterator[Part]:
    for batch in text_batches(texts, CHUNK):
        found = encode_in_order(encoder, batch["text"].to_pylist())
        yield batch["text_sha256"], found.vectors, found.truncated


def _write(folder: Path, encoder: TextEncoder, parts: Iterator[Part]) -> int | None:
    """Write the table; how many of its texts were cut."""
    schema = vectors_table(encoder.dimension)
    path, cut, unknown = folder / "vectors.parquet", 0, False
    with pq.ParquetWriter(path, schema.arrow(), compression="zstd") as writer:
        for shas, vectors, truncated in parts:
            n = len(shas)
            told = truncated != UNKNOWN
            unknown |= not told.all()
            cut += int((truncated == 1).sum())
            columns = [
                shas,
                pa.repeat(pa.scalar(encoder.name), n),
                pa.repeat(pa.scalar(encoder.dimension, pa.int64()), n),
                pa.array(truncated == 1, mask=~told),
                fixed_lists(vectors),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema.arrow()))
    check_parquet(path, schema)
    return None if unknown else cut


def read_vectors(batch: pa.RecordBatch | pa.Table) -> np.ndarray:
    """The column `vector` as float32 (n, d)."""
    column = batch["vector"]
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), -1)


def _keys(batch: pa.RecordBatch) -> list[bytes]:
    return [bytes.fromhex(sha) for sha in batch["text_sha256"].to_pylist()]
