"""Retrieval judged on queries made from the graph: Hit@1, Hit@5, Recall@20 and MRR, as STaRK does.

    FUSEHR_MIRROR=/data python benchmarks/retrieval.py disease_ontology
    python benchmarks/retrieval.py builtin

A disease is described without its name, and is to be found among all diseases of the graph:

- definition: by its definition, the words of its names masked;
- symptoms: by three of its symptoms (all, where it has fewer), at least two.

Each is asked of two collections. `held out`: a disease's document has its name and what the graph
says of it but for the very part that the query was made of; so the query has to be understood.
`all`: the document has that part too, as STaRK's have (Wu et al., STaRK: benchmarking LLM retrieval
on textual and relational knowledge bases, NeurIPS 2024). A query of symptoms that several diseases
share has all these as answers. Rankers: dense (all-MiniLM-L6-v2), bm25, hybrid, as `rag.ranking`
names them.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from fusehr.core.params.rag import MatchingParams, Ranking
from fusehr.core.seeding import generator
from fusehr.rag.knowledge import sources
from fusehr.rag.knowledge.build import build
from fusehr.rag.retrieval.ranking import Ranker, order
from fusehr.rag.vectors import matching_encoder

RANKINGS: tuple[Ranking, ...] = ("dense", "bm25", "hybrid")
SYMPTOMS = 3
MASK = "this disease"


@dataclass
class Disease:
    """names: its own first; symptoms, others: names at the other end of its facts."""

    names: list[str]
    definition: str = ""
    symptoms: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def document(self, *, without: str = "") -> str:
        """Its name and what is known of it, but for the part `without`."""
        parts = [f"{self.names[0]}."]
        if without != "definition" and self.definition:
            parts.append(self.definition)
        if without != "symptoms" and self.symptoms:
            parts.append(f"Presents with {', '.join(self.symptoms)}.")
        if self.others:
            parts.append(f"Related: {', '.join(self.others)}.")
        return " ".join(parts)

    def masked(self) -> str:
        """The definition without any word of the names that is longer than three letters."""
        text = self.definition
        for name in sorted(self.names, key=len, reverse=True):
            text = re.sub(rf"\b{re.escape(name)}\b", MASK, text, flags=re.IGNORECASE)
        words = {word for name in self.names for word in re.findall(r"\w{4,}", name.lower())}
        return re.sub(r"\w+", lambda m: "it" if m.group().lower() in words else m.group(), text)


def diseases_of(folder: Path) -> list[Disease]:
    """Diseases of a built graph, in the order of their indices."""
    read = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    nodes = read["kg_nodes"].set_index("node_index")
    chosen = nodes[nodes["type"] == "disease"]["name"]
    found = {
        node: Disease([name])
        for node, name in zip(chosen.index.tolist(), chosen.tolist(), strict=True)
    }
    for node, name, kind in read["kg_names"].itertuples(index=False):
        if kind == "synonym" and node in found:
            found[node].names.append(name)
    for node, text in read["definitions"].itertuples(index=False):
        if node in found:
            found[node].definition = text
    names = nodes["name"].to_dict()
    for x, relation, y in read["kg_edges"][["x", "relation", "y"]].itertuples(index=False):
        for here, there in ((x, y), (y, x)):
            if here in found:
                symptom = relation == "disease_phenotype_positive"
                (found[here].symptoms if symptom else found[here].others).append(names[there])
    return list(found.values())


def queries(diseases: list[Disease], kind: str, most: int) -> list[tuple[str, frozenset[int]]]:
    """(text, answers) of `most` diseases at most, drawn once."""
    by_symptoms: dict[frozenset[str], set[int]] = defaultdict(set)
    told = []
    for row, disease in enumerate(diseases):
        if kind == "definition" and len(disease.definition.split()) >= 6:
            told.append((row, disease.masked()))
        if kind == "symptoms" and len(set(disease.symptoms)) >= 2:
            rng = generator("benchmark", "retrieval", disease.names[0])
            chosen = sorted(rng.permutation(sorted(set(disease.symptoms)))[:SYMPTOMS].tolist())
            told.append((row, f"A disease that presents with {', '.join(chosen)}."))
            key = frozenset(chosen)
            by_symptoms[key] |= {i for i, d in enumerate(diseases) if key <= set(d.symptoms)}
    keep = generator("benchmark", "retrieval", kind).permutation(len(told))[:most]
    chosen_rows = [told[i] for i in sorted(keep.tolist())]
    if kind == "definition":
        return [(text, frozenset({row})) for row, text in chosen_rows]
    answers = {
        f"A disease that presents with {', '.join(sorted(key))}.": frozenset(rows)
        for key, rows in by_symptoms.items()
    }
    return [(text, answers[text]) for _, text in chosen_rows]


def measures(ranker: Ranker, asked: list[tuple[str, frozenset[int]]]) -> list[float]:
    """Hit@1, Hit@5, Recall@20, MRR, in percent."""
    rows = []
    for (_, answers), scores in zip(asked, ranker.scores([text for text, _ in asked]), strict=True):
        ranked = order(scores)
        places = np.flatnonzero(np.isin(ranked, list(answers)))
        recall = (places < 20).sum() / min(len(answers), 20)
        rows.append((places[0] < 1, places[0] < 5, recall, 1 / (1 + places[0])))
    return (100 * np.mean(rows, axis=0)).tolist()


def main() -> None:
    """Build the graph, ask, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph", choices=("disease_ontology", "builtin"))
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    encode = matching_encoder(
        MatchingParams(encoder="minilm", dtype="bfloat16"), threads=given.threads
    )
    with tempfile.TemporaryDirectory() as folder:
        attach = {
            "disease_ontology": sources.attach_disease_ontology,
            "builtin": partial(sources.attach_builtin, raw=Path(folder, "none")),
        }[given.graph]
        build(attach, Path(folder), threads=given.threads, memory_mb=1024)
        diseases = diseases_of(Path(folder))
    print(f"{given.graph}: {len(diseases):,} diseases")
    print("query       documents  n     ranker   Hit@1  Hit@5  Recall@20  MRR")
    for kind in ("definition", "symptoms"):
        asked = queries(diseases, kind, given.queries)
        for without in (kind, ""):
            documents = [disease.document(without=without) for disease in diseases]
            for ranking in RANKINGS:
                hit1, hit5, recall, mrr = measures(Ranker(documents, ranking, encode), asked)
                told = "held out" if without else "all"
                print(
                    f"{kind:11s} {told:10s} {len(asked):<5d} {ranking:8s} "
                    f"{hit1:5.1f}  {hit5:5.1f}  {recall:9.1f}  {mrr:4.1f}"
                )


if __name__ == "__main__":
    main()
