"""Vectors of a few thousand texts, each encoded once whatever stage or run asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from fusehr.core.cache_folder import cache_folder
from fusehr.core.frame.errors import InputError
from fusehr.core.params.embed import EmbedParams, GradioParams
from fusehr.core.params.rag import MatchingParams
from fusehr.core.vector_store import VectorStore
from fusehr.models.text.encoder import TextEncoder, encode_in_order

CHUNK = 4096
Encode = Callable[[Sequence[str]], np.ndarray]  # texts to float32 (n, d) of length 1


@dataclass(frozen=True)
class Vectors:
    """vectors: float32 (n, d); truncated: int8 (n,), as VectorStore has them; encoded: how many."""

    vectors: np.ndarray
    truncated: np.ndarray
    encoded: int


def vectors_of(encoder: TextEncoder, texts: Sequence[str]) -> Vectors:
    """Vectors of `texts` in their order, from the store what it holds.

    Where anything was missing the whole is read back from the store, so that the result holds the
    same bytes whatever the store held before.
    """
    if not encoder.stored:
        direct = encode_in_order(encoder, texts)
        return Vectors(direct.vectors, direct.truncated, len(texts))
    keys = [sha256(text.encode()).digest() for text in texts]
    store = VectorStore(cache_folder("vectors"), encoder.fingerprint, encoder.dimension)
    with closing(store):
        known = store.get(keys).known
        missing = list(dict.fromkeys(np.flatnonzero(~known).tolist()))
        for start in range(0, len(missing), CHUNK):
            rows = missing[start : start + CHUNK]
            made = encode_in_order(encoder, [texts[row] for row in rows])
            store.put([keys[row] for row in rows], made.vectors, made.truncated)
        found = store.get(keys)
        if not found.known.all():
            raise InputError(
                f"{store.path}: expected {len(keys)} vectors of {encoder.name}, "
                f"found {int(found.known.sum())}"
            )
    return Vectors(found.vectors, found.truncated, len(missing))


def matching_encoder(params: MatchingParams, *, threads: int) -> Encode:
    """The encoder that mentions are linked and facts ranked by; loaded when first asked."""
    encoder: list[TextEncoder] = []

    def encode(texts: Sequence[str]) -> np.ndarray:
        from fusehr.models.text.choose import ready_encoder

        if not encoder:
            found = ready_encoder(_as_embed(params, threads))
            assert found is not None  # the parameters allow none that is fitted first
            encoder.append(found)
        return vectors_of(encoder[0], texts).vectors

    return encode


def _as_embed(params: MatchingParams, threads: int) -> EmbedParams:
    return EmbedParams(
        encoder=params.encoder,
        dtype=params.dtype,
        max_tokens=0,
        pooling="auto",
        dimension=0,
        matryoshka="auto",
        tokens_per_batch=1024,
        device="auto",
        threads=threads,
        memory_mb=1024,
        texts=[],
        note_kinds=[],
        reduced_dimension=1,
        fit_texts=100,
        gradio=GradioParams(model="none", batch=1, timeout_s=1.0, retries=0),
    )
