"""Words weighted by rarity, then their main directions: an encoder that needs no download.

Fitted on train patients' texts alone. A word that those texts do not have twice counts as
`unknown`, so that no text is without a vector. Where no patient is only ever trained on
(cross-validation), nothing is fitted: words are then hashed into the dimensions, each with a
random sign.

References
----------
Deerwester et al., Indexing by latent semantic analysis, JASIS 41, 1990.
Weinberger et al., Feature hashing for large scale multitask learning, ICML 2009.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy import sparse
from scipy.sparse.linalg import svds
from sklearn.feature_extraction.text import HashingVectorizer

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file, read_json, write_json
from fusehr.core.seeding import generator
from fusehr.models.text.encoder import Encoded, digest, unit

NAME = "tfidf_svd"
WORD = re.compile(r"\w+|[^\w\s]")
UNKNOWN = "<unknown>"
DIMENSION = 256
MOST_WORDS = 50_000
CHUNK = 4096  # texts turned into vectors at once
WEIGHTS, WORDS = "tfidf.safetensors", "tfidf_words.json"


def words(text: str) -> list[str]:
    """Lower-case words and punctuation marks; never empty for a text that shows anything."""
    return WORD.findall(text.lower())


class TfidfSvd:
    """weights: float64 (n_words,) idf; directions: float64 (n_words, dimension)."""

    matryoshka = False
    max_tokens = 0
    stored = False
    name = NAME

    def __init__(self, vocabulary: Sequence[str], idf: np.ndarray, directions: np.ndarray) -> None:
        self._places = {word: place for place, word in enumerate(vocabulary)}
        self._idf, self._directions = idf, directions
        self.dimension = directions.shape[1]
        content = hashlib.sha256(idf.tobytes() + directions.tobytes()).hexdigest()
        self.fingerprint = digest({"tfidf_svd": content, "words": list(vocabulary)})

    def encode_stream(self, texts: Iterable[str]) -> Iterator[Encoded]:
        """As TextEncoder.encode_stream."""
        start, remaining = 0, iter(texts)
        while part := list(islice(remaining, CHUNK)):
            # a sparse product sums each row by itself: no bit depends on the other rows
            rows = _weighted(part, self._places, self._idf)
            vectors = unit(np.asarray(rows @ self._directions), self.name)
            yield Encoded(
                np.arange(start, start + len(part)), vectors, np.zeros(len(part), dtype=np.int8)
            )
            start += len(part)

    def save(self, folder: Path) -> None:
        """Write words and weights into `folder`; `load` gives the same encoder."""
        write_json(folder / WORDS, list(self._places))
        with output_file(folder / WEIGHTS) as partial:
            save_file({"idf": self._idf, "directions": self._directions}, partial)

    @staticmethod
    def load(folder: Path) -> TfidfSvd:
        """The encoder that `save` wrote."""
        arrays = load_file(folder / WEIGHTS)
        return TfidfSvd(read_json(folder / WORDS), arrays["idf"], arrays["directions"])


class HashedWords:
    """Words hashed into `dimension` places with a random sign: fitted on nothing."""

    matryoshka = False
    max_tokens = 0
    stored = False
    name = f"{NAME}/hashed"

    def __init__(self, dimension: int = DIMENSION) -> None:
        self.dimension = dimension
        self.fingerprint = digest({"hashed": dimension})
        options: Any = {"analyzer": _words_and_all, "norm": None, "alternate_sign": True}
        self._hasher = HashingVectorizer(n_features=dimension, **options)

    def encode_stream(self, texts: Iterable[str]) -> Iterator[Encoded]:
        """As TextEncoder.encode_stream."""
        start, remaining = 0, iter(texts)
        while part := list(islice(remaining, CHUNK)):
            hashed: Any = self._hasher.transform(part)
            counts = hashed.toarray().astype(np.float64)
            yield Encoded(
                np.arange(start, start + len(part)),
                unit(counts, self.name),
                np.zeros(len(part), dtype=np.int8),
            )
            start += len(part)


def _words_and_all(text: str) -> list[str]:
    # the whole text as one more word, so that words that cancel each other leave no zero vector
    return [*words(text), text.lower()]


def fit_tfidf_svd(texts: Sequence[str], dimension: int = DIMENSION) -> TfidfSvd:
    """The encoder fitted on `texts`; fewer dimensions where they have fewer words.

    Raises InputError where the texts have fewer than two different words.
    """
    counts = Counter(word for text in texts for word in set(words(text)))
    kept = sorted((word for word in counts if counts[word] > 1), key=lambda w: (-counts[w], w))
    vocabulary = [UNKNOWN, *kept[: MOST_WORDS - 1]]
    places = {word: place for place, word in enumerate(vocabulary)}
    present = np.zeros(len(vocabulary))
    for text in texts:
        present[sorted({places.get(word, 0) for word in words(text)})] += 1
    idf = np.log((1 + len(texts)) / (1 + present)) + 1
    rows = _weighted(texts, places, idf)
    smaller = min(len(texts), len(vocabulary))
    width = min(dimension, smaller - 1)
    if width < 1:
        raise InputError(f"{NAME}: expected texts of train patients to fit on, found {len(texts)}")
    start = generator("embed", NAME).normal(size=smaller)
    _, _, right = svds(rows, k=width, v0=start)  # ascending singular values
    directions = right[::-1].T  # (n_words, width)
    return TfidfSvd(vocabulary, idf, np.ascontiguousarray(directions * signs(directions)))


def signs(directions: np.ndarray) -> np.ndarray:
    """±1 for each column of (n, d), so that its largest entry is positive: SVD leaves that open."""
    largest = np.abs(directions).argmax(axis=0)
    return np.where(directions[largest, np.arange(directions.shape[1])] < 0, -1.0, 1.0)


def _weighted(texts: Sequence[str], places: dict[str, int], idf: np.ndarray) -> sparse.csr_array:
    """(n_texts, n_words): 1 + log(count), times idf, each row of length 1."""
    starts, columns, values = [0], [], []
    for text in texts:
        counts = Counter(places.get(word, 0) for word in words(text))
        row = sorted(counts)
        weights = np.array([1 + np.log(counts[place]) for place in row]) * idf[row]
        length = np.sqrt(np.square(weights).sum())
        columns += row
        values += (weights / length).tolist() if row else []
        starts.append(len(columns))
    return sparse.csr_array(
        (np.array(values), np.array(columns, dtype=np.int64), np.array(starts)),
        shape=(len(texts), len(places)),
    )
