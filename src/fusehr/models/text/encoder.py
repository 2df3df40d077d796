"""What every text encoder offers, whatever stands behind it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fusehr.core.frame.errors import InputError

UNKNOWN = -1  # truncated: the encoder does not tell


@dataclass(frozen=True)
class Encoded:
    """Vectors of some of the texts asked for, not in their order.

    rows: int64 (n,), numbers of the texts in the order asked; vectors: float32 (n, dimension) of
    length 1; truncated: int8 (n,), 1 where the text was longer than max_tokens, -1 where unknown.
    """

    rows: np.ndarray
    vectors: np.ndarray
    truncated: np.ndarray


class TextEncoder(Protocol):
    """Texts to unit vectors.

    A text's vector depends on nothing but the text: not on which others are encoded with it, nor
    on their order. `fingerprint` names whatever can change a bit of it, the kind of processor
    included; `name` is what outputs call the encoder, and holds nothing of this computer.
    `stored` says whether a vector costs more than looking it up.
    """

    name: str
    dimension: int
    matryoshka: bool
    max_tokens: int
    fingerprint: str
    stored: bool

    def encode_stream(self, texts: Iterable[str]) -> Iterator[Encoded]:
        """Every text exactly once, as soon as its batch is full, in memory that does not grow.

        Raises InputError where a text cannot be encoded; there is no vector for it then.
        """
        ...


def encode(encoder: TextEncoder, texts: Sequence[str]) -> np.ndarray:
    """Vectors float32 (n, dimension) of n texts in their order, each of length 1."""
    return encode_in_order(encoder, texts).vectors


def encode_in_order(encoder: TextEncoder, texts: Sequence[str]) -> Encoded:
    """All of `texts` in their order; InputError where the encoder leaves one out."""
    vectors = np.empty((len(texts), encoder.dimension), dtype=np.float32)
    truncated = np.empty(len(texts), dtype=np.int8)
    done = 0
    for part in encoder.encode_stream(texts):
        vectors[part.rows], truncated[part.rows] = part.vectors, part.truncated
        done += len(part.rows)
    if done != len(texts):
        raise InputError(f"{encoder.name}: expected {len(texts)} vectors, found {done}")
    return Encoded(np.arange(len(texts)), vectors, truncated)


def unit(vectors: np.ndarray, name: str) -> np.ndarray:
    """`vectors` (n, d) as float32 of length 1; InputError where one is zero or not finite."""
    wide = vectors.astype(np.float64)
    lengths = np.sqrt(np.square(wide).sum(axis=1, keepdims=True))
    bad = ~np.isfinite(lengths) | (lengths == 0)
    if bad.any():
        raise InputError(
            f"{name}: expected vectors of some length, found {int(bad.sum())} of {len(vectors)} "
            "that are zero or not finite"
        )
    return (wide / lengths).astype(np.float32)


def digest(content: Any) -> str:
    """First 32 hexadecimal digits of the SHA-256 of `content` as JSON."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
