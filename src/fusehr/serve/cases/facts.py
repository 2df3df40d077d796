"""Counts of what notes assert and of what the graph tells, as the stage `rag` writes them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_parquet_sql
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.gate.availability import open_tables
from fusehr.core.params.rag import RagParams
from fusehr.core.rag_schemas import FACT_COUNTS
from fusehr.rag.notes.entities import entity_table
from fusehr.rag.notes.reader import NoteReader
from fusehr.rag.retrieval.candidates import attach_facts
from fusehr.rag.retrieval.gather import choose_notes, gather, match_drugs
from fusehr.rag.run import COUNTS, KNOWLEDGE, TABLES, graph_names
from fusehr.rag.signals.signals import begin_signals


class FactCounter:
    """Counts facts of cases by the graph in `knowledge` (data/rag/knowledge).

    Raises InputError where a part of the graph is missing, or diseases are found by a chat model.
    """

    def __init__(self, knowledge: Path, params: RagParams) -> None:
        if params.extraction != "rules":
            raise InputError(
                f"params.yaml: rag.extraction: expected rules to serve this model, "
                f"found {params.extraction}"
            )
        self._knowledge, self._params = knowledge, params
        for schema in KNOWLEDGE:
            check_parquet(knowledge / f"{schema.name}.parquet", schema)
        with duckdb.connect() as con:
            self._attach(con)
            self._reader = NoteReader(graph_names(con))

    def write(self, tables: Path, folder: Path) -> None:
        """Write fact_counts of the samples in `tables` into `folder`."""
        with open_tables(tables, TABLES, threads=1) as con:
            self._attach(con)
            choose_notes(con, list(self._params.note_kinds))
            notes = con.execute(
                "SELECT note_id, text FROM notes SEMI JOIN chosen USING (note_id) ORDER BY note_id"
            ).fetchall()
            read = ((note_id, self._reader.read(text)) for note_id, text in notes)
            con.register("entities", entity_table(read))
            match_drugs(con)
            # signals are not counted, but gathered in the same pass
            begin_signals(con, frozenset())
            gather(con)
            attach_facts(con, self._params)
            path = folder / f"{FACT_COUNTS.name}.parquet"
            write_parquet_sql(path, con, COUNTS.read_text(), FACT_COUNTS)

    def _attach(self, con: duckdb.DuckDBPyConnection) -> None:
        for schema in KNOWLEDGE:
            path = self._knowledge / f"{schema.name}.parquet"
            con.from_parquet(str(path)).create_view(schema.name)
