"""Counts of what notes assert and of what the graph tells, as the stage `rag` writes them."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.files import write_parquet_sql
from fusehr.core.gate.availability import open_tables
from fusehr.core.params.rag import RagParams
from fusehr.core.rag_schemas import FACT_COUNTS
from fusehr.rag.retrieval.candidates import attach_facts
from fusehr.rag.run import COUNTS, TABLES
from fusehr.serve.cases.graph import Graph, expect_rules


class FactCounter:
    """Counts facts of cases by the graph in `knowledge` (data/rag/knowledge).

    Raises InputError where a part of the graph is missing, or diseases are found by a chat model.
    """

    def __init__(self, knowledge: Path, params: RagParams) -> None:
        expect_rules(params)
        self._params, self._graph = params, Graph(knowledge, params)

    def write(self, tables: Path, folder: Path) -> None:
        """Write fact_counts of the samples in `tables` into `folder`."""
        with open_tables(tables, TABLES, threads=1) as con:
            self._graph.gather(con)
            attach_facts(con, self._params)
            path = folder / f"{FACT_COUNTS.name}.parquet"
            write_parquet_sql(path, con, COUNTS.read_text(), FACT_COUNTS)
