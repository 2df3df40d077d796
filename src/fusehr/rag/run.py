"""The room's work in its order: read notes, gather what samples know, retrieve, summarise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from threadpoolctl import threadpool_limits

from fusehr.core.cache_folder import cache_folder
from fusehr.core.chat.answers import Answers
from fusehr.core.chat.client import Chat
from fusehr.core.cohort import load_rounds, split_sha
from fusehr.core.frame.files import write_json, write_parquet_sql
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.frame.stage import say
from fusehr.core.gate.availability import open_tables
from fusehr.core.note_kinds import left_out
from fusehr.core.params.chat import chat_url
from fusehr.core.params.rag import RagParams
from fusehr.core.rag_schemas import (
    DEFINITIONS,
    FACT_COUNTS,
    KG_CODES,
    KG_EDGES,
    KG_NAMES,
    KG_NODES,
    SIGNALS,
)
from fusehr.rag.notes.chat_extraction import ChatExtraction
from fusehr.rag.notes.entities import write_entities
from fusehr.rag.notes.reader import Names, names_of
from fusehr.rag.retrieval.candidates import know_facts
from fusehr.rag.retrieval.gather import choose_notes, gather, match_drugs
from fusehr.rag.signals.signals import begin_signals, find_signals
from fusehr.rag.signals.suspected import suspect_diseases
from fusehr.rag.summary.write import name_diseases, write_facts_and_summaries
from fusehr.rag.vectors import Encode, matching_encoder

TABLES = ("samples", "dynamic", "notes", "visits", "drugs")
KNOWLEDGE = (KG_NODES, KG_NAMES, KG_EDGES, DEFINITIONS, KG_CODES)
COUNTS = Path(__file__).parent / "retrieval" / "counts.sql"
OF_SIGNALS = """
SELECT sample_id, position, name, value, z, text, text_sha256
FROM signal_rows JOIN numbered USING (s)
"""


def retrieve(tables: Path, knowledge: Path, folder: Path, params: RagParams) -> None:
    """Write entities, signals, facts, fact_counts, summaries, texts and fitted.json into `folder`.

    tables: data/tables; knowledge: what stage `rag-knowledge` wrote. Raises InputError where an
    input is not as declared or a chat model does not answer.
    """
    rounds = load_rounds(tables)
    fitted = rounds[0].name == "split"  # else every patient is tested by somebody
    scratch = folder / ".duckdb"
    with (
        threadpool_limits(params.threads),
        open_tables(tables, TABLES, threads=params.threads) as con,
    ):
        con.execute("SET preserve_insertion_order = false")
        con.execute(f"SET memory_limit = '{params.memory_mb}MiB'")
        con.execute(f"SET temp_directory = '{str(scratch).replace(chr(39), chr(39) * 2)}'")
        check_graph(knowledge)
        attach_graph(con, knowledge)
        encode = matching_encoder(params.matching, threads=params.threads)
        choose_notes(con, list(params.note_kinds))
        if others := left_out(con, params.note_kinds):
            say(f"rag: not among rag.note_kinds, so left out: {others}")
        names = graph_names(con)
        notes = write_entities(
            con,
            folder / "entities.parquet",
            names,
            processes=params.threads,
            extraction=_extraction(params, names, encode),
        )
        con.from_parquet(str(folder / "entities.parquet")).create_view("entities")
        match_drugs(con)
        begin_signals(con, rounds[0].train if fitted else frozenset())
        gather(con)
        spread = find_signals(con, params.signals, fitted=fitted)
        suspect_diseases(con, params.signals)
        write_parquet_sql(folder / "signals.parquet", con, OF_SIGNALS, SIGNALS)
        facts = know_facts(con, params, encode)
        write_parquet_sql(folder / "fact_counts.parquet", con, COUNTS.read_text(), FACT_COUNTS)
        name_diseases(con)
        write_facts_and_summaries(con, folder, params, _chat(params.summary, params))
    if scratch.exists():
        scratch.rmdir()
    write_json(folder / "fitted.json", _fitted(tables, spread, fitted=fitted))
    say(f"rag: {notes} notes read, {facts} facts of the graph concern somebody")


def check_graph(knowledge: Path) -> None:
    """Raise InputError where a table of the graph in `knowledge` is not as declared."""
    for schema in KNOWLEDGE:
        check_parquet(knowledge / f"{schema.name}.parquet", schema)


def attach_graph(con: duckdb.DuckDBPyConnection, knowledge: Path) -> None:
    """Create views of the graph's tables, see `check_graph`."""
    for schema in KNOWLEDGE:
        path = knowledge / f"{schema.name}.parquet"
        con.from_parquet(str(path)).create_view(schema.name)


def graph_names(con: duckdb.DuckDBPyConnection) -> Names:
    """Names of the graph's diseases and effects, from kg_nodes and kg_names."""
    # where two nodes share a name, one that it is the own name of has it
    return names_of(
        con.execute(
            "SELECT node_index, type, kg_names.name, kind FROM kg_names "
            "JOIN kg_nodes USING (node_index) WHERE type IN ('disease', 'effect/phenotype') "
            "ORDER BY kind, node_index, kg_names.name"
        ).fetchall()
    )


def _chat(choice: str, params: RagParams) -> Chat | None:
    url = chat_url(choice)
    return Chat(url, params.chat, Answers(cache_folder("chat"))) if url else None


def _extraction(params: RagParams, names: Names, encode: Encode) -> ChatExtraction | None:
    chat = _chat(params.extraction, params)
    if chat is None:
        return None
    return ChatExtraction(
        chat,
        names,
        encode,
        threshold=params.link_threshold,
        max_malformed_share=params.chat.max_malformed_share,
    )


def _fitted(tables: Path, spread: dict[str, Any], *, fitted: bool) -> dict[str, Any]:
    return {
        "split_sha": split_sha(tables),
        "signals": {"from": "train" if fitted else "reference ranges", "spread": spread},
    }
