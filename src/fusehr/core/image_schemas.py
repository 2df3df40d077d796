"""What the stage `train-images` writes: a vector of each of the cohort's images."""

from __future__ import annotations

import pyarrow as pa

from fusehr.core.frame.schemas import TEXT, Column, Table


def image_vectors_table(dimension: int) -> Table:
    """`vectors`: features of the encoder, then a logit of each of FINDINGS, all standardised."""
    return Table(
        "vectors",
        (
            Column("image_id", TEXT),
            Column(
                "vector",
                pa.list_(pa.float32(), dimension),
                doc="by mean and deviation of the pool's train part",
            ),
        ),
        sort=("image_id",),
        unique=("image_id",),
    )
