"""Write the graph's tables from whichever source was chosen.

Rows are streamed (edge_list), what is small is joined in DuckDB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_parquet_sql
from fusehr.core.rag_schemas import DEFINITIONS, KG_CODES, KG_NAMES, KG_NODES
from fusehr.rag.knowledge.edge_list import read_edges, write_edges
from fusehr.rag.knowledge.general import general_codes, general_synonyms
from fusehr.rag.knowledge.sources import Rows

HERE = Path(__file__).parent
DEFINED = """
SELECT node_index, min_by(trim(definition), (mondo_id, definition)) AS text
FROM features
JOIN nodes USING (node_index)
WHERE trim(definition) <> ''
GROUP BY node_index
"""
CODES = """
SELECT node_index, code FROM code_rows
UNION
SELECT nodes.node_index, known_codes.code
FROM nodes
JOIN known_codes ON nodes.type = 'disease' AND known_codes.name = lower(nodes.name)
"""


@dataclass(frozen=True)
class Size:
    """How much the graph holds."""

    nodes: int
    edges: int


def build(
    attach: Callable[[duckdb.DuckDBPyConnection], Rows],
    folder: Path,
    *,
    threads: int,
    memory_mb: int,
) -> Size:
    """Write kg_nodes, kg_names, kg_edges, definitions, kg_codes into `folder`.

    attach: one of `sources`. Raises InputError where an index stands for two nodes.
    """
    pa.set_cpu_count(threads)
    with duckdb.connect(config={"threads": threads}) as con:
        con.execute("SET enable_progress_bar = false; SET preserve_insertion_order = false")
        con.execute(f"SET memory_limit = '{memory_mb}MiB'")
        try:
            rows = attach(con)
        except duckdb.InvalidInputException as error:  # a line that is no row
            raise InputError(f"knowledge graph: {str(error).splitlines()[0]}") from None
        found = read_edges(rows.batches, rows.relations)
        lone = con.sql("FROM lone_nodes ORDER BY node_index").to_arrow_table()
        edges = write_edges(folder / "kg_edges.parquet", found, rows.directed)
        for name, table in (
            ("edge_nodes", found.nodes),
            ("more_nodes", lone),
            ("synonyms", general_synonyms()),
            ("known_codes", general_codes()),
        ):
            con.register(name, table)
        con.execute((HERE / "nodes.sql").read_text())
        write_parquet_sql(folder / "kg_nodes.parquet", con, "FROM nodes", KG_NODES)
        names = (HERE / "names.sql").read_text()
        write_parquet_sql(folder / "kg_names.parquet", con, names, KG_NAMES)
        write_parquet_sql(folder / "definitions.parquet", con, DEFINED, DEFINITIONS)
        write_parquet_sql(folder / "kg_codes.parquet", con, CODES, KG_CODES)
        ((nodes,),) = con.execute("SELECT count(*) FROM nodes").fetchall()
    return Size(nodes, edges)
