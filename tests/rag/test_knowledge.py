"""The graph from each of its sources: what is brought, checked, and stated once."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusehr.core import download
from fusehr.core.frame.errors import InputError
from fusehr.rag.knowledge import sources
from fusehr.rag.knowledge.build import build
from fusehr.rag.knowledge.edge_list import columns_of, read_edges
from fusehr.rag.knowledge.primekg import LIGHT

HEADER = (
    "relation,display_relation,x_index,x_id,x_type,x_name,x_source,"
    "y_index,y_id,y_type,y_name,y_source"
)
GOUT = '5105,disease,"gout, acute",MONDO'
DRUG = "DB00437,drug,Allopurinol,DrugBank"
PAIN = "3418,effect/phenotype,Joint pain,HPO"
GENE = "9429,gene/protein,ABCG2,NCBI"
ROWS = (
    f"indication,indication,2,{DRUG},7,{GOUT}",
    f"indication,indication,7,{GOUT},2,{DRUG}",
    f"disease_phenotype_positive,phenotype present,9,{PAIN},7,{GOUT}",
    f"disease_phenotype_positive,phenotype present,7,{GOUT},9,{PAIN}",
    f"disease_protein,associated with,1,{GENE},7,{GOUT}",
    f"disease_protein,associated with,7,{GOUT},1,{GENE}",
)
FEATURES = (
    "node_index\tmondo_id\tmondo_name\tmondo_definition\tumls_description\n"
    '7\t5105\tgout\t\t"Deposits of urate, with pain."\n'
    "7\t5106\tother gout\tA later one.\t\n"
)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}


@pytest.fixture
def mirror_of(tmp_path, monkeypatch):
    def make(kg: str, features: str = FEATURES, name: str = "disease_features.tab") -> Path:
        folder = tmp_path / "mirror" / "primekg"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kg.csv").write_text(kg)
        (folder / name).write_text(features)
        monkeypatch.setenv("FUSEHR_MIRROR", str(tmp_path / "mirror"))
        return folder

    return make


@pytest.fixture
def built(tmp_path, rag_params):
    def make(relations: str = "full", **changes: str) -> dict[str, pd.DataFrame]:
        params = rag_params(primekg={"relations": relations} | changes).primekg
        out = tmp_path / "graph"
        out.mkdir(exist_ok=True)
        build(partial(sources.attach_primekg, params=params), out, threads=1, memory_mb=256)
        return tables(out)

    return make


def edges_of(found: dict[str, pd.DataFrame]) -> set[tuple[str, str, str]]:
    name = found["kg_nodes"].set_index("node_index")["name"]
    return {
        (name[x], relation, name[y])
        for x, relation, y in found["kg_edges"][["x", "relation", "y"]].itertuples(index=False)
    }


ALL = {
    ("Allopurinol", "indication", "gout, acute"),
    ("gout, acute", "disease_phenotype_positive", "Joint pain"),
    ("gout, acute", "disease_protein", "ABCG2"),
}


def test_primekg_states_each_edge_once_in_the_order_of_its_sentence(mirror_of, built):
    mirror_of("\n".join([HEADER, *ROWS]) + "\n")
    found = built()
    assert edges_of(found) == ALL and len(found["kg_edges"]) == 3
    assert list(found["kg_nodes"]["node_index"]) == [1, 2, 7, 9]
    gout = found["kg_nodes"].set_index("node_index").loc[7]
    assert list(gout[["node_id", "type", "source"]]) == ["5105", "disease", "MONDO"]
    assert found["definitions"].to_dict("list") == {
        "node_index": [7],
        "text": ["Deposits of urate, with pain."],
    }


def test_light_set_leaves_out_genes(mirror_of, built):
    mirror_of("\n".join([HEADER, *ROWS]) + "\n")
    found = built("light")
    assert {relation for _, relation, _ in edges_of(found)} == {
        "indication",
        "disease_phenotype_positive",
    }
    assert set(LIGHT) >= set(found["kg_edges"]["relation"])
    assert "ABCG2" not in set(found["kg_nodes"]["name"])


def test_synonyms_and_codes_of_general_knowledge_are_lent_by_name(mirror_of, built):
    rows = [row.replace('"gout, acute"', "Sjogren syndrome") for row in ROWS]
    mirror_of("\n".join([HEADER, *rows]) + "\n")
    found = built()
    assert {"sicca syndrome", "sjogren disease"} <= set(found["kg_names"]["name"])
    assert set(found["kg_codes"]["code"]) == {"ICD9CM/7102", "ICD10CM/M3500"}


@pytest.mark.parametrize(
    ("kg", "message"),
    [
        (
            HEADER.replace("y_name", "name_y") + "\n",
            "kg.csv: column y_name: expected, found relation",
        ),
        ("\n".join([HEADER, *ROWS, "indication,indication,3"]), "kg.csv: expected PrimeKG's"),
        ("\n".join([HEADER, ROWS[0].replace(",2,", ",two,")]), "kg.csv: expected PrimeKG's"),
        (
            "\n".join([HEADER, *ROWS, f"drug_drug,x,7,{DRUG},2,{DRUG}"]),
            "expected one node per index, found two types for node 7",
        ),
        ("\n".join([HEADER, ROWS[0].replace(",2,", ",-2,")]), "column x_index: expected 0 to"),
    ],
)
def test_a_file_that_is_no_graph(mirror_of, built, kg, message):
    mirror_of(kg)
    with pytest.raises(InputError, match=message):
        built()


def test_a_mirror_without_the_files(mirror_of, built):
    (mirror_of("") / "disease_features.tab").unlink()
    with pytest.raises(InputError, match=r"expected one of disease_features\.csv"):
        built()


@pytest.fixture
def dataverse(web, monkeypatch, tmp_path):
    """Serves a listing and two files, as Dataverse does."""
    monkeypatch.delenv("FUSEHR_MIRROR", raising=False)
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    kg = ("\n".join([HEADER, *ROWS]) + "\n").encode()
    features = FEATURES.replace("\t", ",").encode()
    files = [
        {"id": 11, "filename": "kg.csv", "md5": hashlib.md5(kg).hexdigest()},
        {
            "id": 12,
            "filename": "disease_features.tab",
            "originalFileName": "disease_features.csv",
            "md5": hashlib.md5(features).hexdigest(),
        },
    ]
    listing = {"data": {"latestVersion": {"files": [{"dataFile": file} for file in files]}}}
    listed = "api/datasets/:persistentId/?persistentId=doi:10.0/X"
    web.files[listed] = json.dumps(listing).encode()
    web.files["api/access/datafile/11"] = kg
    web.files["api/access/datafile/12?format=original"] = features
    return web


def test_primekg_is_downloaded_once_and_resumed(dataverse, built):
    dataverse.faults["api/access/datafile/11"] = [100, 503]
    assert edges_of(built(url=dataverse.url)) == ALL
    asked = [spot for name, spot in dataverse.asked if name == "api/access/datafile/11"]
    assert asked == [None, "bytes=100-", "bytes=100-"]
    dataverse.asked.clear()
    assert edges_of(built(url=dataverse.url)) == ALL
    assert dataverse.asked == []


def test_a_wrong_checksum_is_refused_and_fetched_anew(dataverse, built):
    right = dataverse.files["api/access/datafile/11"]
    dataverse.files["api/access/datafile/11"] = right.replace(b"Joint", b"Joinn")
    with pytest.raises(InputError, match=r"datafile/11: expected MD5 \w{32}, found \w{32}"):
        built(url=dataverse.url)
    dataverse.files["api/access/datafile/11"] = right
    assert edges_of(built(url=dataverse.url)) == ALL


def test_a_data_set_without_the_file(dataverse, built):
    listed = next(iter(dataverse.files))
    dataverse.files[listed] = dataverse.files[listed].replace(b'"kg.csv"', b'"other.csv"')
    with pytest.raises(
        InputError, match=r"expected a file named kg\.csv or kg\.csv\.gz, found none"
    ):
        built(url=dataverse.url)


def test_builtin_is_the_sources_own_graph_with_its_planted_edges(world):
    found = tables(world.knowledge)
    assert (found["kg_nodes"]["node_id"].str.startswith("FX")).sum() == 300
    counts = found["kg_edges"]["relation"].value_counts()
    assert counts["studied in"] == 600 and counts["contraindication"] > 600
    rows = pd.read_csv(world.raw / "kg" / "kg.csv.gz")
    assert len(rows) == 2 * len(found["kg_edges"])


def test_builtin_reads_facts_in_their_own_direction(world):
    found = edges_of(tables(world.knowledge))
    from fusehr.core.knowledge.facts import facts

    told = {
        (fact.x.name, fact.relation.name, fact.y.name)
        for fact in facts()
        if fact.relation.name == "disease_complication"
    }
    assert len(told) > 50
    # of two diseases that may each lead to the other one is stated
    assert {(x, r, y) for x, r, y in told if (y, r, x) not in told} <= found
    assert {(x, r, y) for x, r, y in found if r == "disease_complication"} <= told


def test_builtin_without_a_graph_in_the_source(general_graph, tmp_path):
    found = tables(general_graph)
    assert "studied in" not in set(found["kg_edges"]["relation"])
    folder = tmp_path / "kg"
    folder.mkdir()
    (folder / "kg.csv.gz").write_bytes(gzip.compress((HEADER + "\n").encode()))
    out = tmp_path / "out"
    out.mkdir()
    build(partial(sources.attach_builtin, raw=tmp_path), out, threads=1, memory_mb=256)
    for name, frame in tables(out).items():
        pd.testing.assert_frame_equal(frame, found[name])


@pytest.mark.real
def test_disease_ontology(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSEHR_MIRROR", str(mirror))
    build(sources.attach_disease_ontology, tmp_path, threads=1, memory_mb=512)
    found = tables(tmp_path)
    diseases = found["kg_nodes"][found["kg_nodes"]["type"] == "disease"]
    assert len(diseases) >= 12_246 and len(found["definitions"]) > 9_000
    assert "drug" not in set(found["kg_nodes"]["type"])
    assert ("asbestosis", "disease_anatomy", "lung") in edges_of(found)


def test_disease_ontology_needs_a_mirror(monkeypatch, tmp_path):
    monkeypatch.delenv("FUSEHR_MIRROR", raising=False)
    with pytest.raises(InputError, match=r"rag\.kg: disease_ontology: expected FUSEHR_MIRROR"):
        build(sources.attach_disease_ontology, tmp_path, threads=1, memory_mb=256)


node = st.integers(0, 7)


@given(
    edges=st.sets(st.tuples(st.sampled_from("ab"), node, node), max_size=20),
    directions=st.lists(st.sampled_from(("xy", "yx", "both")), min_size=20, max_size=20),
    cut=st.integers(1, 9),
)
def test_each_edge_once_whatever_the_direction_order_or_batch(edges, directions, cut):
    rows = []
    for (relation, x, y), way in zip(sorted(edges), directions, strict=False):
        rows += [(relation, x, y)] * (way != "yx") + [(relation, y, x)] * (way != "xy")
    table = pa.Table.from_pylist(
        [
            {"relation": r, "display_relation": r, "x_index": x, "y_index": y}
            | {f"x_{c}": f"{c}{x % 3}" for c in ("id", "type", "name", "source")}
            | {f"y_{c}": f"{c}{y % 3}" for c in ("id", "type", "name", "source")}
            for r, x, y in reversed(rows)
        ],
        schema=pa.schema(
            [
                (name, pa.int64() if name.endswith("index") else pa.string())
                for name in dict.fromkeys([*columns_of("x"), *columns_of("y")])
            ]
        ),
    )
    found = read_edges(lambda side: table.select(columns_of(side)).to_batches(cut))
    decoded = {
        (found.kinds[key >> 48][0], key >> 24 & 0xFFFFFF, key & 0xFFFFFF)
        for key in found.edges.tolist()
    }
    assert decoded == {(r, min(x, y), max(x, y)) for r, x, y in edges}
    assert len(found.edges) == len(decoded)
    assert set(found.nodes["node_index"].to_pylist()) == {n for _, *ends in edges for n in ends}
