"""A knowledge graph of PrimeKG's size: `rag-knowledge` against pandas, in time and memory.

    python benchmarks/knowledge_graph.py [--scale 1.0] [--memory-mb 384] [--threads 2]

A kg.csv is drawn with PrimeKG's columns, its 129,375 nodes by type and its 8,100,498 rows by
relation (Chandak et al., Scientific Data 10:67, 2023, and the released file), every edge in both
directions, and names as long as there. Both sides run in a process of their own and do the same
work, twice:

- build (once a graph): read the file, make the table of nodes, state every edge once in its
  relation's order, sort by first node, and write both as Parquet;
- load (every run): from what one has, kg.csv or the Parquet files, to the edges of
  one in 25 diseases and drugs, by name.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import duckdb

NODES = {
    "biological_process": 28_642,
    "gene/protein": 27_671,
    "disease": 17_080,
    "effect/phenotype": 15_311,
    "anatomy": 14_035,
    "molecular_function": 11_169,
    "drug": 7_957,
    "cellular_component": 4_176,
    "pathway": 2_516,
    "exposure": 818,
}
# Rows by relation (both directions), the types of its ends, and what it is shown as.
RELATIONS = (
    ("anatomy_protein_present", "expression present", 3_036_406, "anatomy", "gene/protein"),
    ("drug_drug", "synergistic interaction", 2_672_628, "drug", "drug"),
    ("protein_protein", "ppi", 642_150, "gene/protein", "gene/protein"),
    ("disease_phenotype_positive", "phenotype present", 300_634, "disease", "effect/phenotype"),
    ("bioprocess_protein", "interacts with", 289_610, "biological_process", "gene/protein"),
    ("cellcomp_protein", "interacts with", 166_804, "cellular_component", "gene/protein"),
    ("disease_protein", "associated with", 160_822, "disease", "gene/protein"),
    ("molfunc_protein", "interacts with", 139_060, "molecular_function", "gene/protein"),
    ("drug_effect", "side effect", 129_568, "drug", "effect/phenotype"),
    ("bioprocess_bioprocess", "parent-child", 105_772, "biological_process", "biological_process"),
    ("pathway_protein", "interacts with", 85_292, "pathway", "gene/protein"),
    ("disease_disease", "parent-child", 64_388, "disease", "disease"),
    ("contraindication", "contraindication", 61_350, "drug", "disease"),
    ("drug_protein", "target", 51_306, "drug", "gene/protein"),
    ("anatomy_protein_absent", "expression absent", 39_774, "anatomy", "gene/protein"),
    ("phenotype_phenotype", "parent-child", 37_472, "effect/phenotype", "effect/phenotype"),
    ("anatomy_anatomy", "parent-child", 28_064, "anatomy", "anatomy"),
    ("molfunc_molfunc", "parent-child", 27_148, "molecular_function", "molecular_function"),
    ("indication", "indication", 18_776, "drug", "disease"),
    ("cellcomp_cellcomp", "parent-child", 9_690, "cellular_component", "cellular_component"),
    ("phenotype_protein", "associated with", 6_660, "effect/phenotype", "gene/protein"),
    ("off-label use", "off-label use", 5_136, "drug", "disease"),
    ("pathway_pathway", "parent-child", 5_070, "pathway", "pathway"),
    ("exposure_disease", "linked to", 4_608, "exposure", "disease"),
    ("exposure_exposure", "parent-child", 4_140, "exposure", "exposure"),
    ("exposure_bioprocess", "interacts with", 3_250, "exposure", "biological_process"),
    ("exposure_protein", "interacts with", 2_424, "exposure", "gene/protein"),
    ("disease_phenotype_negative", "phenotype absent", 2_386, "disease", "effect/phenotype"),
    ("exposure_molfunc", "interacts with", 90, "exposure", "molecular_function"),
    ("exposure_cellcomp", "interacts with", 20, "exposure", "cellular_component"),
)
FEATURES = 44_133  # rows of disease_features
WANTED_EVERY = 25  # diseases and drugs that are looked up: one of so many


def draw(folder: Path, scale: float) -> int:
    """Write kg.csv and disease_features.csv into `folder`; the number of rows of the former."""
    folder.mkdir(parents=True, exist_ok=True)
    starts, first = {}, 0
    for kind, count in NODES.items():
        starts[kind] = (first, count)
        first += count
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("SET enable_progress_bar = false; SET preserve_insertion_order = false")
        con.execute("CREATE TABLE kinds (kind VARCHAR, start BIGINT, count BIGINT)")
        con.executemany(
            "INSERT INTO kinds VALUES (?, ?, ?)", [(k, s, n) for k, (s, n) in starts.items()]
        )
        con.execute(
            "CREATE TABLE nodes AS SELECT start + i AS idx, CAST(start + i AS VARCHAR) AS id, "
            "kind AS type, substr(replace(kind, '_', ' ') || ' ' || md5(CAST(start + i AS VARCHAR))"
            ", 1, 14 + CAST((start + i) * 7919 % 24 AS INTEGER)) || ' ' || (start + i) AS name, "
            "upper(substr(kind, 1, 5)) AS source FROM kinds, range(count) AS r(i)"
        )
        con.execute("CREATE TABLE edges (relation VARCHAR, display VARCHAR, x BIGINT, y BIGINT)")
        for relation, display, rows, kind_x, kind_y in RELATIONS:
            (start_x, count_x), (start_y, count_y) = starts[kind_x], starts[kind_y]
            ends = "least(x, y), greatest(x, y)" if kind_x == kind_y else "x, y"
            con.execute(
                f"INSERT INTO edges SELECT DISTINCT '{relation}', '{display}', {ends} FROM ("
                f"SELECT {start_x} + hash(i, '{relation}') % {count_x} AS x, "
                f"{start_y} + hash('{display}', i) % {count_y} AS y "
                f"FROM range({max(1, int(rows * scale / 2))}) AS r(i)) WHERE x <> y"
            )
        con.execute(
            f"COPY (SELECT e.relation, e.display AS display_relation, a.idx AS x_index, "
            "a.id AS x_id, a.type AS x_type, a.name AS x_name, a.source AS x_source, "
            "b.idx AS y_index, b.id AS y_id, b.type AS y_type, b.name AS y_name, "
            "b.source AS y_source FROM (SELECT relation, display, x, y FROM edges UNION ALL "
            "SELECT relation, display, y, x FROM edges) AS e "
            f"JOIN nodes AS a ON a.idx = e.x JOIN nodes AS b ON b.idx = e.y) "
            f"TO '{folder / 'kg.csv'}' (HEADER true)"
        )
        start, count = starts["disease"]
        con.execute(
            f"COPY (SELECT {start} + i % {count} AS node_index, CAST(i AS VARCHAR) AS mondo_id, "
            "'disease ' || i AS mondo_name, repeat('A disease of some organ. ', 8) || i AS "
            "mondo_definition, CAST(NULL AS VARCHAR) AS umls_description, "
            "CAST(NULL AS VARCHAR) AS orphanet_definition "
            f"FROM range({int(FEATURES * scale) + 1}) AS r(i)) "
            f"TO '{folder / 'disease_features.csv'}' (HEADER true)"
        )
        con.execute(
            f"COPY (SELECT name FROM (SELECT name, type, row_number() OVER (PARTITION BY type "
            "ORDER BY idx) AS place FROM nodes) WHERE type IN ('disease', 'drug') AND "
            f"place % {WANTED_EVERY} = 0) TO '{folder / 'wanted.csv'}' (HEADER true)"
        )
        ((rows,),) = con.execute("SELECT 2 * count(*) FROM edges").fetchall()
    return rows


def with_pandas(source: Path, out: Path) -> None:
    """The same by pandas: read, nodes, each edge once, sort, write."""
    import numpy as np
    import pandas as pd

    kg = pd.read_csv(source / "kg.csv", low_memory=False)
    ends = [
        kg[[f"{side}_{c}" for c in ("index", "id", "type", "name", "source")]].set_axis(
            ["node_index", "node_id", "type", "name", "source"], axis=1
        )
        for side in "xy"
    ]
    nodes = pd.concat(ends).drop_duplicates("node_index").sort_values("node_index")
    nodes.to_parquet(out / "nodes.parquet")
    first = {relation: kind for relation, _, _, kind, _ in RELATIONS}
    same = kg["x_type"] == kg["y_type"]
    backward = np.where(
        same, kg["x_index"] > kg["y_index"], kg["x_type"] != kg["relation"].map(first)
    )
    edges = pd.DataFrame(
        {
            "x": np.where(backward, kg["y_index"], kg["x_index"]),
            "relation": kg["relation"],
            "display_relation": kg["display_relation"],
            "y": np.where(backward, kg["x_index"], kg["y_index"]),
        }
    ).drop_duplicates()
    edges = edges.sort_values(["x", "relation", "y", "display_relation"])
    edges.to_parquet(out / "edges.parquet")
    features = pd.read_csv(source / "disease_features.csv")
    features.dropna(subset=["mondo_definition"]).drop_duplicates("node_index").to_parquet(
        out / "definitions.parquet"
    )
    print(f"counted {len(nodes)} {len(edges)}")


def with_fusehr(source: Path, out: Path, memory_mb: int, threads: int) -> None:
    """As stage `rag-knowledge` with rag.kg=primekg and all relations."""
    from fusehr.core.params.rag import PrimeKgParams
    from fusehr.rag.knowledge import sources
    from fusehr.rag.knowledge.build import build

    os.environ["FUSEHR_MIRROR"] = str(source.parent)
    params = PrimeKgParams(relations="full", url="http://127.0.0.1", doi="none")
    attach = partial(sources.attach_primekg, params=params)
    size = build(attach, out, threads=threads, memory_mb=memory_mb)
    print(f"counted {size.nodes} {size.edges}")


def load_with_pandas(source: Path) -> None:
    """Read kg.csv, index it by name, look the names up; each edge stands there both ways."""
    import pandas as pd

    kg = pd.read_csv(source / "kg.csv", low_memory=False)
    kg = kg.set_index("x_name").sort_index()
    names = pd.Index(pd.read_csv(source / "wanted.csv")["name"])
    found = kg.loc[kg.index.intersection(names)]
    print(f"counted {found.index.nunique()} {len(found)}")


def load_with_fusehr(source: Path, threads: int) -> None:
    """Views on the Parquet files, and one join, as stage `rag` makes it."""
    with duckdb.connect(config={"threads": threads}) as con:
        built = source / "built"
        found = con.execute(
            f"WITH wanted AS (SELECT n.node_index FROM '{built / 'kg_nodes.parquet'}' AS n "
            f"JOIN '{source / 'wanted.csv'}' AS w USING (name)), "
            f"edges AS (FROM '{built / 'kg_edges.parquet'}'), both_ways AS ("
            "SELECT x AS here, relation, y AS there FROM edges WHERE x IN (FROM wanted) "
            "UNION ALL SELECT y, relation, x FROM edges WHERE y IN (FROM wanted)) "
            "SELECT count(DISTINCT here), count(*) FROM both_ways"
        ).fetchall()
    print(f"counted {found[0][0]} {found[0][1]}")


def measured(
    side: str, source: Path, memory_mb: int, threads: int, out: Path | None = None
) -> tuple[float, float, str]:
    """Seconds, peak MiB and counts of one side in a process of its own."""
    with tempfile.TemporaryDirectory(dir=source.parent) as spare:
        command = [sys.executable, __file__, "--side", side, "--source", str(source)]
        command += ["--out", str(out or spare)]
        command += ["--memory-mb", str(memory_mb), "--threads", str(threads)]
        start = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - start
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    return seconds, int(told["peak_kib"]) / 1024, told["counted"]


def main() -> None:
    """Draw the graph, time both sides, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--memory-mb", type=int, default=384)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "fusehr-kg"))
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        {
            "build pandas": lambda: with_pandas(given.source, given.out),
            "build fusehr": lambda: with_fusehr(
                given.source, given.out, given.memory_mb, given.threads
            ),
            "load pandas": lambda: load_with_pandas(given.source),
            "load fusehr": lambda: load_with_fusehr(given.source, given.threads),
        }[given.side]()
        print(f"peak_kib {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")
        return
    source = given.folder / "primekg"
    with ProcessPoolExecutor(1) as pool:  # a child's peak begins with that of its parent
        rows = pool.submit(draw, source, given.scale).result()
    size = (source / "kg.csv").stat().st_size / 1e6
    print(f"kg.csv: {rows:,} rows, {size:,.0f} MB")
    built = source / "built"
    built.mkdir(exist_ok=True)
    measured("build fusehr", source, given.memory_mb, given.threads, built)
    print(f"{'':12s} {'seconds':>8s} {'peak MiB':>9s}  found")
    for work in ("build", "load"):
        found = {}
        for side in ("pandas", "fusehr"):
            found[side] = measured(f"{work} {side}", source, given.memory_mb, given.threads)
            seconds, peak, counted = found[side]
            print(f"{work:5s} {side:6s} {seconds:8.1f} {peak:9.0f}  {counted}")
        (slow, large, _), (fast, small, _) = found["pandas"], found["fusehr"]
        print(f"{work}: {slow / fast:.1f} times as fast with {small / large:.2f} of the memory")


if __name__ == "__main__":
    main()
