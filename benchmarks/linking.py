"""Linking of mention strings to diseases: how often right, and how fast.

    FUSEHR_MIRROR=/data python benchmarks/linking.py accuracy
    python benchmarks/linking.py speed

accuracy: the diseases are the 12,246 of the Disease Ontology. Queries: titles of ICD-9-CM and
ICD-10-CM (MIMIC-IV's d_icd_diagnoses) whose code the ontology gives to one disease only; synonyms
of our own table of general knowledge, where the name itself is one of the ontology (its tables here
have no synonyms); and titles that name no disease (causes from outside, contacts), which are right
when they are refused. The threshold is the one that is most often right on one half of the diseases
and is measured on the other half.

speed: `link` against the bare product of the same matrices, 10,000 by 22,000, by turns.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import time
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from fusehr.core.knowledge.facts import DISEASE, nodes
from fusehr.models.text.encoder import encode
from fusehr.models.text.pretrained import inspect, minilm_folder
from fusehr.models.text.transformer import TransformerEncoder
from fusehr.rag.linking.cosine import NO_NODE, link
from fusehr.rag.linking.names import NameIndex

Query = tuple[str, int]  # text, index of the disease or NO_NODE
CODES = {"ICD9CM": 9, "ICD10CM": 10}
OUTSIDE = {9: ("E", "V"), 10: ("V", "W", "X", "Y", "Z")}


def rows(path: Path, delimiter: str) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))


def icd_titles(mirror: Path, index_of: dict[str, int]) -> tuple[list[Query], list[Query]]:
    """Titles with their one disease; as many titles, at most, that name no disease."""
    diseases: dict[tuple[int, str], set[int]] = defaultdict(set)
    for row in rows(mirror / "disease-ontology/allXREFinDO.tsv", "\t"):
        source, _, code = row["xref"].partition(":")
        if source in CODES and row["id"] in index_of:
            diseases[CODES[source], code.replace(".", "")].add(index_of[row["id"]])
    inside, outside = {}, set()
    for row in rows(mirror / "mimic-iv-demo/2.2/hosp/d_icd_diagnoses.csv.gz", ","):
        version, code = int(row["icd_version"]), row["icd_code"].strip()
        found = diseases.get((version, code), set())
        if len(found) == 1:
            inside[row["long_title"]] = found.copy().pop()
        elif not found and code.startswith(OUTSIDE[version]):
            outside.add(row["long_title"])
    chosen = sorted(outside, key=lambda title: zlib.crc32(title.encode()))[: len(inside) // 3]
    return list(inside.items()), [(title, NO_NODE) for title in chosen]


def synonyms(index: NameIndex) -> list[Query]:
    """Our own synonyms of diseases whose name is one of the ontology's."""
    found = [(s, index.find(n.name)) for n in nodes() if n.kind == DISEASE for s in n.synonyms]
    return [(text, node) for text, node in found if node != NO_NODE]


def accuracy(mirror: Path) -> None:
    # A disease with several parents has a row for each.
    label_of = {r["id"]: r["label"] for r in rows(mirror / "disease-ontology/HumanDO.tsv", "\t")}
    names = list(label_of.values())
    index_of = {disease: i for i, disease in enumerate(label_of)}
    index = NameIndex(enumerate(names))
    inside, outside = icd_titles(mirror, index_of)
    parts = {"ICD titles": inside, "synonyms": synonyms(index), "no disease": outside}
    files = inspect(minilm_folder())
    encoder = TransformerEncoder("minilm", files, matryoshka=False, dtype="float32", threads=2)
    diseases = encode(encoder, names)
    texts, truth, part = [], [], []
    for name, queries in parts.items():
        texts += [text for text, _ in queries]
        truth += [node for _, node in queries]
        part += [name] * len(queries)
    exact = np.array([index.find(text) for text in texts])
    expected, of_part = np.array(truth), np.array(part)
    nearest = link(encode(encoder, texts), diseases, -1.0)
    # By disease where there is one: what is measured was seen in no form when choosing.
    key = [str(node) if node != NO_NODE else text for text, node in zip(texts, truth, strict=True)]
    choosing = np.array([zlib.crc32(k.encode()) % 2 == 0 for k in key])

    def right(threshold: float) -> np.ndarray:
        return np.where(nearest.score >= threshold, nearest.node, NO_NODE) == expected

    unnamed = exact == NO_NODE
    thresholds = np.round(np.arange(0.3, 0.96, 0.01), 2)
    share = [right(t)[choosing & unnamed].mean() for t in thresholds]
    best = float(thresholds[int(np.argmax(share))])
    print(f"{len(names)} diseases, {encoder.name}; threshold {best:.2f}, chosen on one half")
    print("accuracy@1 on the other half            n  by name  by vector, no threshold, with it")
    for name in parts:
        here = ~choosing & (of_part == name)
        far = here & unnamed
        print(
            f"  {name:20} without names  {far.sum():6}        -             "
            f"{right(-1)[far].mean():7.3f}  {right(best)[far].mean():7.3f}"
        )
        whole = np.where(unnamed, right(best), exact == expected)[here].mean()
        free = np.where(unnamed, right(-1), exact == expected)[here].mean()
        print(
            f"  {name:20} with names     {here.sum():6}  {1 - unnamed[here].mean():7.3f}        "
            f"{free:10.3f}  {whole:7.3f}"
        )
    links = ~choosing & unnamed & (nearest.score >= best)
    share_right = right(best)[links].mean()
    print(f"precision of the links made by vector: {share_right:.3f} of {links.sum()}")


def speed(dimension: int, repeats: int) -> None:
    generator = np.random.default_rng(0)
    mentions = generator.normal(size=(10_000, dimension)).astype(np.float32)
    diseases = generator.normal(size=(22_000, dimension)).astype(np.float32)
    product = np.empty((len(mentions), len(diseases)), np.float32)
    bare, ours = [], []
    for _ in range(repeats):
        for taken, work in (
            (bare, lambda: np.matmul(mentions, diseases.T, out=product)),
            (ours, lambda: link(mentions, diseases, 0.6)),
        ):
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    for i, clock in enumerate(("wall", "processor")):
        a, b = min(t[i] for t in bare), min(t[i] for t in ours)
        print(f"d={dimension} {clock:9}: product {a:.2f} s, link {b:.2f} s, ratio {b / a:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=["accuracy", "speed"])
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of the matrix product; default: all")
    arguments = parser.parse_args()
    if arguments.what == "speed":
        with threadpool_limits(arguments.threads):
            speed(arguments.dimension, arguments.repeats)
    elif "FUSEHR_MIRROR" in os.environ:
        accuracy(Path(os.environ["FUSEHR_MIRROR"]))
    else:
        parser.error("accuracy needs FUSEHR_MIRROR, the folder with disease-ontology in it")


if __name__ == "__main__":
    main()
