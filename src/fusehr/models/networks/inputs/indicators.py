"""Structured values put into words, as in BiA: 31 places, a vector for each value that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import INDICATOR_TEXTS, INDICATORS
from fusehr.core.frame.schemas import check_parquet
from fusehr.models.networks.inputs.embedded import embedded_rows
from fusehr.models.networks.inputs.grid import TokenGrid, token_grid
from fusehr.models.networks.inputs.vectors import attach_vectors, used_vectors


def load_indicators(
    con: duckdb.DuckDBPyConnection, samples: TaskSamples, embedded: Path
) -> TokenGrid:
    """Reduced vectors of the indicators, each at its own place.

    con: with `sample_rows`. embedded: what the stage `embed` wrote; it read values through the
    gate, sample by sample. Raises InputError where a known indicator was not embedded.
    """
    path, vectors = embedded / f"{INDICATOR_TEXTS.name}.parquet", embedded / "reduced.parquet"
    check_parquet(path, INDICATOR_TEXTS)
    con.from_parquet(str(path)).create_view("indicators", replace=True)
    attach_vectors(con, vectors, key="text_sha256", view="text_vectors")
    sql = (Path(__file__).parent / "indicators.sql").read_text()
    found: dict[str, Any] = con.execute(sql).fetchnumpy()
    rows = embedded_rows(found["vector_row"], vectors, kind="indicators")
    table, token = used_vectors(vectors, rows)
    return token_grid(
        table,
        found["sample_row"],
        found["position"],
        token,
        shape=(len(samples.samples), INDICATORS),
        by_place=True,
    )
