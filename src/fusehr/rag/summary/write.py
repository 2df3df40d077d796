"""Facts and summaries of every sample, some thousand samples at a time, in their ids' order."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from fusehr.core.chat.client import Chat
from fusehr.core.embed_schemas import TEXTS_TABLE
from fusehr.core.frame.files import output_file, write_parquet_sql
from fusehr.core.frame.schemas import Table, check_parquet
from fusehr.core.params.rag import RagParams
from fusehr.core.rag_schemas import FACTS, SUMMARIES
from fusehr.rag.summary.chat_summary import chat_summaries

HERE = Path(__file__).parent
FACTS_SQL = HERE.parent / "retrieval" / "facts.sql"
SAMPLES_AT_ONCE = 4096
NOTHING = "nothing abnormal and no disease is known"
PHRASES = {"present": "the patient has ", "historical": "the patient once had "}
OF_FACTS = """
SELECT numbered.sample_id, rank, kind, relation, x, y, text, text_sha256, score
FROM block_facts
JOIN known_facts USING (fact_id)
JOIN numbered USING (s)
ORDER BY s, rank
"""


def name_diseases(con: duckdb.DuckDBPyConnection) -> None:
    """Create disease_sentences (node_index, status, text, text_sha256)."""
    con.execute(
        "CREATE TEMP TABLE disease_sentences AS "
        "SELECT node_index, status, text, sha256(text) AS text_sha256 FROM ("
        "  SELECT node_index, status, "
        "  CASE status WHEN 'present' THEN $present ELSE $historical END || name AS text "
        "  FROM kg_nodes JOIN (SELECT DISTINCT node_index, status FROM diseases_known) "
        "  USING (node_index))",
        PHRASES,
    )


def write_facts_and_summaries(
    con: duckdb.DuckDBPyConnection, folder: Path, params: RagParams, chat: Chat | None
) -> None:
    """Write facts, summaries, and texts: every text that `rag-embed` may put into a vector.

    Reads what `gather`, `know_facts`, `find_signals` and `name_diseases` made.
    """
    ((count,),) = con.execute("SELECT count(*) FROM numbered").fetchall()
    limits = {
        "max_diseases": params.max_diseases,
        "max_own_pairs": params.max_own_pairs,
        "triples_per_disease": params.triples_per_disease,
        "triples_per_drug": params.triples_per_drug,
    }
    con.execute(
        "CREATE TEMP TABLE used (text_sha256 VARCHAR, kind VARCHAR, text VARCHAR);"
        "CREATE TEMP TABLE used_facts (fact_id INTEGER)"
    )
    with ExitStack() as stack:
        of_facts = stack.enter_context(_Writer(folder, FACTS))
        of_summaries = stack.enter_context(_Writer(folder, SUMMARIES))
        progress = stack.enter_context(
            tqdm(total=count, desc="samples", unit="sample", disable=None)
        )
        for first in range(0, count, SAMPLES_AT_ONCE):
            block = {"first": first, "last": min(first + SAMPLES_AT_ONCE, count) - 1}
            con.execute(FACTS_SQL.read_text(), block | limits)
            con.execute("INSERT INTO used_facts SELECT DISTINCT fact_id FROM block_facts")
            of_facts.write(con.sql(OF_FACTS).to_arrow_table())
            con.execute(
                (HERE / "sections.sql").read_text(), block | {"max_diseases": params.max_diseases}
            )
            of_summaries.write(_summaries(con, block, chat))
            progress.update(block["last"] - first + 1)
    _write_texts(con, folder, whole="summaries" in params.embed_texts)


def _summaries(
    con: duckdb.DuckDBPyConnection, block: dict[str, int], chat: Chat | None
) -> pa.Table:
    if chat is None:
        con.execute(
            "INSERT INTO used SELECT DISTINCT text_sha256, 'sentences', text FROM block_sentences"
        )
        con.execute(
            "INSERT INTO used SELECT sha256($nothing), 'sentences', $nothing FROM numbered "
            "ANTI JOIN block_sentences USING (s) WHERE s BETWEEN $first AND $last LIMIT 1",
            block | {"nothing": NOTHING},
        )
        query = (HERE / "template.sql").read_text()
        return con.sql(query, params=block | {"nothing": NOTHING}).to_arrow_table()
    rows = con.execute(
        "SELECT sample_id, section, text FROM numbered LEFT JOIN block_sentences USING (s) "
        "WHERE s BETWEEN $first AND $last ORDER BY s, part, place",
        block,
    ).fetchall()
    samples: dict[str, dict[str, list[str]]] = {}
    for sample_id, section, text in rows:
        sections = samples.setdefault(sample_id, {})
        if section is not None:
            sections.setdefault(section, []).append(text)
    told, texts = chat_summaries(chat, list(samples.items()))
    if texts:
        con.executemany("INSERT INTO used VALUES (?, 'sentences', ?)", list(texts.items()))
    return pa.Table.from_pylist(told, schema=SUMMARIES.arrow())


def _write_texts(con: duckdb.DuckDBPyConnection, folder: Path, *, whole: bool) -> None:
    con.from_parquet(str(folder / "summaries.parquet")).create_view("summaries")
    con.execute(
        "INSERT INTO used SELECT text_sha256, 'facts', text FROM known_facts "
        "WHERE fact_id IN (FROM used_facts)"
    )
    if whole:
        con.execute(
            "INSERT INTO used SELECT DISTINCT sha256(text), 'summaries', text FROM summaries"
        )
    write_parquet_sql(
        folder / "texts.parquet",
        con,
        """
        SELECT text_sha256, list_sort(list(DISTINCT kind)) AS kinds, min(text) AS text
        FROM used
        GROUP BY text_sha256
        """,
        TEXTS_TABLE,
    )


class _Writer:
    """A table written part by part, already in its order, and checked at the end."""

    def __init__(self, folder: Path, schema: Table) -> None:
        self._path, self._schema = folder / f"{schema.name}.parquet", schema

    def __enter__(self) -> _Writer:
        self._stack = ExitStack()
        self._partial = self._stack.enter_context(output_file(self._path))
        self._writer = self._stack.enter_context(
            pq.ParquetWriter(self._partial, self._schema.arrow(), compression="zstd")
        )
        return self

    def write(self, table: pa.Table) -> None:
        arrow = self._schema.arrow()
        # one chunk a column: where DuckDB cuts its result differs from run to run
        self._writer.write_table(table.select(arrow.names).cast(arrow).combine_chunks())

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self._writer.close()
            check_parquet(self._partial, self._schema, name=str(self._path))
        self._stack.__exit__(*error)
