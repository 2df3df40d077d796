"""Tables that the room `embed` writes: texts by hash, their vectors, and what notes hold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from fusehr.core.frame.schemas import BYTE, FLAG, FLOAT, INT, TEXT, TEXTS, Column, Table

SEGMENTS = 23  # most texts that a note is cut into, as in BiA
INDICATORS = 31  # structured values of a sample that are put into words

SHA_RULE = "length(text_sha256) = 64"
_SHA = Column("text_sha256", TEXT, rule=SHA_RULE, doc="of the text in UTF-8; see texts")

NOTE_SENTENCES = Table(
    "note_sentences",
    (
        Column("note_id", TEXT),
        Column("position", INT, rule="position >= 0", doc="order in the note, from 0"),
        _SHA,
    ),
    sort=("note_id", "position"),
    unique=("note_id", "position"),
)

NOTE_SEGMENTS = Table(
    "note_segments",
    (
        Column("note_id", TEXT),
        Column("segment", BYTE, rule=f"segment BETWEEN 0 AND {SEGMENTS - 1}"),
        _SHA,
    ),
    sort=("note_id", "segment"),
    unique=("note_id", "segment"),
)

INDICATOR_TEXTS = Table(
    "indicators",
    (
        Column("sample_id", TEXT),
        Column("position", BYTE, rule=f"position BETWEEN 0 AND {INDICATORS - 1}"),
        Column("name", TEXT, doc="as in variables.csv, or age, sex"),
        Column("text_sha256", TEXT, null=True, rule=SHA_RULE, doc="null: not known by the index"),
    ),
    sort=("sample_id", "position"),
    unique=("sample_id", "position"),
)

NOTE_FEATURES = Table(
    "note_features",
    (
        Column("note_id", TEXT),
        Column("symptom_count", INT, rule="symptom_count >= 0", doc="distinct, asserted"),
        Column("medication_count", INT, rule="medication_count >= 0", doc="distinct, asserted"),
        Column("condition_severity", INT, rule="condition_severity BETWEEN 0 AND 4"),
        Column("has_deterioration", FLAG),
        Column(
            "deterioration_intensity",
            FLOAT,
            rule="deterioration_intensity BETWEEN 0 AND 1",
            doc="0 none, 1 a rapid one",
        ),
        Column("sentence_count", INT, rule="sentence_count >= 0"),
    ),
    sort=("note_id",),
    unique=("note_id",),
)

TEXTS_TABLE = Table(
    "texts",
    (
        _SHA,
        Column("kinds", TEXTS, doc="indicators, notes, segments, sentences: sorted"),
        Column("text", TEXT),
    ),
    sort=("text_sha256",),
    unique=("text_sha256",),
)


def vectors_table(dimension: int) -> Table:
    """`vectors`: a unit vector of `dimension` for each of `texts`."""
    return Table(
        "vectors",
        (
            _SHA,
            Column("encoder", TEXT),
            Column("dimension", INT, rule=f"dimension = {dimension}"),
            Column(
                "truncated", FLAG, null=True, doc="longer than the encoder reads; null: unknown"
            ),
            Column("vector", pa.list_(pa.float32(), dimension)),
        ),
        sort=("text_sha256",),
        unique=("text_sha256",),
    )


def reduced_table(dimension: int) -> Table:
    """`reduced`: the same texts' unit vectors in `dimension` dimensions."""
    return Table(
        "reduced",
        (_SHA, Column("vector", pa.list_(pa.float32(), dimension))),
        sort=("text_sha256",),
        unique=("text_sha256",),
    )


def fixed_lists(vectors: np.ndarray) -> pa.Array:
    """float32 (n, d) as an Arrow array of n lists of d: the column `vector`."""
    flat = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
