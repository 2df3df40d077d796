"""What a sample retrieves from the knowledge graph, a token a fact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.rag_schemas import FACTS
from fusehr.models.networks.inputs.modality import RaggedTokens, ragged
from fusehr.models.networks.inputs.vectors import attach_vectors, used_vectors


def load_facts(
    con: duckdb.DuckDBPyConnection, samples: TaskSamples, rag: Path, *, most_tokens: int
) -> RaggedTokens:
    """Vectors of facts in their rank: own pairs of drug and disease first, definitions last.

    con: with `sample_rows`. rag: what the stages `rag` and `rag-embed` wrote.
    """
    path, vectors = rag / f"{FACTS.name}.parquet", rag / "vectors.parquet"
    check_parquet(path, FACTS)
    con.from_parquet(str(path)).create_view("facts", replace=True)
    attach_vectors(con, vectors, key="text_sha256", view="fact_vectors")
    sql = (Path(__file__).parent / "facts.sql").read_text()
    found: dict[str, Any] = con.execute(sql, {"most_tokens": most_tokens}).fetchnumpy()
    table, token = used_vectors(vectors, found["vector_row"])
    return ragged(table, found["sample_row"], token, n=len(samples.samples))
