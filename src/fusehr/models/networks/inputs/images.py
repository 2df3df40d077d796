"""Chest images of a sample's current visit: their pixels, or vectors of a frozen encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from fusehr.core.cohort import TaskSamples
from fusehr.core.gate.availability import attach_images
from fusehr.models.networks.inputs.modality import RaggedTokens, ragged
from fusehr.models.networks.inputs.vectors import attach_vectors, used_vectors


def load_image_vectors(
    con: duckdb.DuckDBPyConnection, samples: TaskSamples, embedded: Path, *, most_images: int
) -> RaggedTokens:
    """Vectors of the newest images, newest first.

    con: with `samples`, `images` and `sample_rows`. embedded: what `embed-images` wrote.
    """
    attach_images(con, samples.task)
    path = embedded / "vectors.parquet"
    attach_vectors(con, path, key="image_id", view="image_vectors")
    found = _newest(con, "image_vectors.sql", most_images)
    table, token = used_vectors(path, found["vector_row"])
    return ragged(table, found["sample_row"], token, n=len(samples.samples))


def load_pixels(
    con: duckdb.DuckDBPyConnection, samples: TaskSamples, tables: Path, *, most_images: int
) -> RaggedTokens:
    """Pixels uint8 (1, h, w) of the newest images, newest first.

    con: with `samples`, `images` and `sample_rows`. tables: with images.npy.
    """
    attach_images(con, samples.task)
    found = _newest(con, "image_pixels.sql", most_images)
    pixels = np.load(tables / "images.npy", mmap_mode="r")  # (m, h, w)
    used, token = np.unique(found["pixel_row"].astype(np.int64), return_inverse=True)
    table = np.array(pixels[used])[:, None]  # (m, h, w) -> (m, 1, h, w)
    return ragged(table, found["sample_row"], token, n=len(samples.samples))


def _newest(con: duckdb.DuckDBPyConnection, name: str, most_images: int) -> dict[str, Any]:
    sql = (Path(__file__).parent / name).read_text()
    return con.execute(sql, {"most_images": most_images}).fetchnumpy()
