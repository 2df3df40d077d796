"""Stage `rag-knowledge`: the chosen knowledge graph as nodes, names, edges, definitions, codes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.core.params.rag import Graph, PrimeKgParams
from fusehr.rag.knowledge import sources
from fusehr.rag.knowledge.build import build


def main() -> None:
    """Read the graph that rag.kg names; write data/rag/knowledge."""
    params = stage_params("rag-knowledge")
    attach = {
        "builtin": partial(sources.attach_builtin, raw=Path("data/raw")),
        "primekg": partial(
            sources.attach_primekg, params=params.section("rag.primekg", PrimeKgParams)
        ),
        "disease_ontology": sources.attach_disease_ontology,
    }[params.section("rag.kg", Graph)]
    threads, memory_mb = params.section("rag.threads", int), params.section("rag.memory_mb", int)
    with output_folder("data/rag/knowledge") as folder:
        size = build(attach, folder, threads=threads, memory_mb=memory_mb)
    say(f"rag-knowledge: {size.nodes} nodes, {size.edges} edges in data/rag/knowledge")


if __name__ == "__main__":
    run(main)
