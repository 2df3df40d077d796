"""The sources of the graph: rows in PrimeKG's columns, and some tables in DuckDB beside them.

- lone_nodes: nodes that may have no edge (node_index, id, type, name, source);
- features: node_index, mondo_id, definition (null: none);
- code_rows: node_index, code as in visits.diagnoses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.stage import say
from fusehr.core.params.rag import PrimeKgParams
from fusehr.rag.knowledge import primekg
from fusehr.rag.knowledge.edge_list import Batches, Directed, columns_of, file_batches
from fusehr.rag.knowledge.general import general_nodes, general_rows

HERE = Path(__file__).parent
# Where PrimeKG has a definition, first choice first; several rows of a node are taken in the order
# of their MONDO ids.
DEFINED_IN = ("mondo_definition", "umls_description", "orphanet_definition")
ONTOLOGY = {
    "human_do": "HumanDO.tsv",
    "cross_references": "allXREFinDO.tsv",
    "symptoms": "disease-symptom.tsv",
}


@dataclass(frozen=True)
class Rows:
    """batches: the rows; relations: those to keep, None for all; directed: see write_edges."""

    batches: Batches
    relations: frozenset[str] | None = None
    directed: Directed = frozenset()


def attach_builtin(con: duckdb.DuckDBPyConnection, raw: Path) -> Rows:
    """The source's own kg/kg.csv.gz where it has rows, else the general facts."""
    edges, features = raw / "kg" / "kg.csv.gz", raw / "kg" / "disease_features.csv.gz"
    _know_codes(con)
    if edges.exists() and any(len(batch) for batch in file_batches(edges)("x")):
        _features(con, features)
        _no_lone_nodes(con)
        return Rows(file_batches(edges), directed=_directed())
    say("rag-knowledge: data/raw brings no graph; the general facts are one")
    con.register("general_nodes", general_nodes())
    con.execute("CREATE TEMP TABLE lone_nodes AS FROM general_nodes")
    con.execute(
        "CREATE TEMP TABLE features AS SELECT node_index, id AS mondo_id, definition "
        "FROM general_nodes"
    )
    return Rows(_in_memory(general_rows()), directed=_directed())


def attach_primekg(con: duckdb.DuckDBPyConnection, params: PrimeKgParams) -> Rows:
    """PrimeKG, all of it or its light set; see primekg.files."""
    found = primekg.files(params)
    _know_codes(con)
    _features(con, found.features)
    _no_lone_nodes(con)
    light = frozenset(primekg.LIGHT) if params.relations == "light" else None
    # of two diseases PrimeKG does not say which is the parent: its facts are not given a direction
    return Rows(file_batches(found.kg), light)


def attach_disease_ontology(con: duckdb.DuckDBPyConnection) -> Rows:
    """The Human Disease Ontology's tables below FUSEHR_MIRROR."""
    mirror = os.environ.get(primekg.MIRROR)
    if not mirror:
        raise InputError(
            f"params.yaml: rag.kg: disease_ontology: expected {primekg.MIRROR} to name a folder "
            "with disease-ontology in it, found it unset"
        )
    folder = Path(mirror) / "disease-ontology"
    for view, name in ONTOLOGY.items():
        con.execute(f"CREATE TEMP VIEW {view} AS FROM {_csv(_file(folder / name))}")
    columns = "id, name, definition, facet, import_keyword, import_id"
    facets = _csv(_file(folder / "facets.tsv.gz"))
    con.execute(f"CREATE TEMP VIEW raw_facets AS SELECT * FROM {facets} AS facets({columns})")
    con.execute((HERE / "disease_ontology.sql").read_text())
    return Rows(_in_memory(con.sql("FROM kg_rows ORDER BY ALL").to_arrow_table()))


def _in_memory(table: pa.Table) -> Batches:
    def batches(side: str) -> Iterator[pa.RecordBatch]:
        yield from table.select(columns_of(side)).to_batches()

    return batches


def _directed() -> Directed:
    rows = general_rows().to_pylist()
    return frozenset(
        (row["relation"], row["x_name"].lower(), row["y_name"].lower())
        for row in rows
        if row["x_type"] == row["y_type"]
    )


def _know_codes(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TEMP TABLE code_rows (node_index BIGINT, code VARCHAR)")


def _features(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    _check_header(con, path, ("node_index", "mondo_id", DEFINED_IN[0]))
    found = con.execute(f"DESCRIBE FROM {_csv(path)}").fetchall()
    known = {row[0] for row in found}
    texts = ", ".join(f"nullif(trim({name}), '')" for name in DEFINED_IN if name in known)
    con.execute(
        "CREATE TEMP TABLE features AS SELECT CAST(node_index AS BIGINT) AS node_index, mondo_id, "
        f"coalesce({texts}) AS definition FROM {_csv(path)}"
    )


def _no_lone_nodes(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TEMP TABLE lone_nodes (node_index BIGINT, id VARCHAR, type VARCHAR, name VARCHAR, "
        "source VARCHAR)"
    )


def _check_header(con: duckdb.DuckDBPyConnection, path: Path, expected: tuple[str, ...]) -> None:
    try:
        found = [row[0] for row in con.execute(f"DESCRIBE FROM {_csv(_file(path))}").fetchall()]
    except duckdb.Error as error:
        raise InputError(f"{path}: expected a table, found: {str(error).splitlines()[0]}") from None
    for name in expected:
        if name not in found:
            raise InputError(f"{path}: column {name}: expected, found {', '.join(found)}")


def _file(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: expected a file, found none")
    return path


def _csv(path: Path) -> str:
    """The table as a function of DuckDB, every column as text; `.tab` and `.tsv` have tabs."""
    location = str(path).replace("'", "''")
    bare = path.name.removesuffix(".gz")
    separator = "," if bare.endswith(".csv") else "\\t"
    return (
        f"read_csv('{location}', delim = '{separator}', quote = '\"', escape = '\"', "
        "header = true, all_varchar = true, null_padding = false, strict_mode = true)"
    )
