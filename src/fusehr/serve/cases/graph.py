"""The graph of the last run of `rag`, and what it knows of the cases in tables."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fusehr.core.frame.errors import InputError
from fusehr.core.params.rag import RagParams
from fusehr.rag.notes.entities import entity_table
from fusehr.rag.notes.reader import NoteReader
from fusehr.rag.retrieval.gather import choose_notes, gather, match_drugs
from fusehr.rag.run import attach_graph, check_graph, graph_names
from fusehr.rag.signals.signals import begin_signals


class Graph:
    """The tables in `knowledge` (data/rag/knowledge), and a reader of notes that knows their names.

    Raises InputError where one of them is missing.
    """

    def __init__(self, knowledge: Path, params: RagParams) -> None:
        self._knowledge = knowledge
        self._kinds: list[str] = list(params.note_kinds)
        check_graph(knowledge)
        with duckdb.connect() as con:
            attach_graph(con, knowledge)
            self._reader = NoteReader(graph_names(con))

    def gather(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the graph to opened tables, read their notes, and gather what each sample knows.

        As the stage `rag` does, but no signal is fitted: last values are of no train patient.
        """
        attach_graph(con, self._knowledge)
        choose_notes(con, self._kinds)
        notes = con.execute(
            "SELECT note_id, text FROM notes SEMI JOIN chosen USING (note_id) ORDER BY note_id"
        ).fetchall()
        read = ((note_id, self._reader.read(text)) for note_id, text in notes)
        con.register("entities", entity_table(read))
        match_drugs(con)
        begin_signals(con, frozenset())
        gather(con)


def expect_rules(params: RagParams) -> None:
    """Raise InputError where diseases are found by a chat model, to which no case is sent."""
    if params.extraction != "rules":
        raise InputError(
            "params.yaml: rag.extraction: expected rules, to find facts of a case; "
            f"found {params.extraction}"
        )
