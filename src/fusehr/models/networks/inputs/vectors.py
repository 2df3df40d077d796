"""Vectors of texts and images, as the room `embed` and the stage `rag-embed` wrote them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from fusehr.core.frame.errors import InputError


def attach_vectors(con: duckdb.DuckDBPyConnection, path: Path, *, key: str, view: str) -> None:
    """Create the view `view` (`key`, vector_row) of the vectors in `path`.

    Raises InputError where there is no such file.
    """
    if not path.exists():
        raise InputError(f"{path}: expected vectors, found no file")
    rows = con.from_parquet(str(path), file_row_number=True)
    rows.project(f"{key}, file_row_number AS vector_row").create_view(view, replace=True)


def used_vectors(path: Path, vector_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vectors that `vector_rows` (total,) names, each once, and their places among those.

    Returns float32 (m, d) and int64 (total,).
    """
    column = pq.read_table(path, columns=["vector"]).column("vector").combine_chunks()
    width = column.type.list_size
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), width)
    used, place = np.unique(vector_rows, return_inverse=True)
    return np.ascontiguousarray(vectors[used]), place
