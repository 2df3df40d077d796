"""The two tables of the graph: PrimeKG's form, both directions, the planted edges and no more."""

from __future__ import annotations

import pandas as pd
import pytest

from fusehr.core import mimic_layout
from fusehr.core.knowledge.facts import diseases, facts, nodes
from fusehr.raw.synthetic.graph.edges import RELATIONS, planted_graph
from fusehr.raw.synthetic.graph.kg import OWN_SOURCE, disease_features, kg_table
from fusehr.raw.synthetic.vocabulary.drugs import fictional_drugs


@pytest.fixture(scope="module")
def kg() -> pd.DataFrame:
    return kg_table(3).to_pandas()


def sides(kg: pd.DataFrame) -> pd.DataFrame:
    """Every mention of a node: index, id, type, name, source."""
    fields = ["index", "id", "type", "name", "source"]
    ends = [kg[[f"{s}_{f}" for f in fields]].set_axis(fields, axis=1) for s in "xy"]
    return pd.concat(ends).drop_duplicates()


def test_columns_are_those_of_primekg(kg: pd.DataFrame) -> None:
    assert tuple(kg.columns) == mimic_layout.table("kg/kg").columns
    wanted = mimic_layout.table("kg/disease_features").columns
    assert tuple(disease_features().schema.names) == wanted
    assert not kg.isna().any(axis=None)


def test_every_edge_stands_once_in_each_direction(kg: pd.DataFrame) -> None:
    edges = kg[["relation", "x_index", "y_index"]]
    assert not edges.duplicated().any()
    turned = edges.rename(columns={"x_index": "y_index", "y_index": "x_index"})
    assert len(edges.merge(turned)) == len(edges)
    # two conditions may each lead to the other
    general = {(f.relation.name, frozenset({f.x.name, f.y.name})) for f in facts()}
    assert len(edges) == 2 * (len(general) + 600 * len(RELATIONS))


def test_an_index_is_one_node(kg: pd.DataFrame) -> None:
    found = sides(kg)
    assert not found["index"].duplicated().any()
    assert not found["id"].duplicated().any()
    assert not found.duplicated(["type", "name"]).any()
    assert found["index"].between(0, len(nodes()) + len(fictional_drugs()) - 1).all()


def test_planted_edges_are_read_back_by_name(kg: pd.DataFrame) -> None:
    graph = planted_graph(3)
    fictional = {drug.label for drug in fictional_drugs()}
    for relation in RELATIONS:
        drug, disease = graph.edges(relation)
        wanted = {
            (fictional_drugs()[d].label, diseases()[i].name)
            for d, i in zip(drug, disease, strict=True)
        }
        rows = kg[(kg["relation"] == relation) & kg["x_name"].isin(fictional)]
        assert set(zip(rows["x_name"], rows["y_name"], strict=True)) == wanted
        assert (rows["x_type"] == "drug").all()
        assert (rows["y_type"] == "disease").all()


def test_fictional_drugs_are_marked(kg: pd.DataFrame) -> None:
    found = sides(kg)
    fictional = found["name"].isin({drug.label for drug in fictional_drugs()})
    assert fictional.sum() == len(fictional_drugs())
    assert found.loc[fictional, "id"].str.fullmatch(r"FX\d{4}").all()
    assert (found.loc[fictional, "source"] == OWN_SOURCE).all()
    assert not found.loc[~fictional, "id"].str.startswith("FX").any()
    assert set(found.loc[found["source"] == "MONDO", "type"]) == {"disease"}


def test_worlds_differ_in_their_planted_edges_only(kg: pd.DataFrame) -> None:
    other = kg_table(4).to_pandas()
    fictional = {drug.label for drug in fictional_drugs()}

    def general(table: pd.DataFrame) -> pd.DataFrame:
        planted = table["x_name"].isin(fictional) | table["y_name"].isin(fictional)
        return table[~planted].reset_index(drop=True)

    pd.testing.assert_frame_equal(general(kg), general(other))
    assert not kg.equals(other)
    assert kg.equals(kg_table(3).to_pandas())


def test_features_describe_the_graphs_diseases_and_tell_no_planted_edge(kg: pd.DataFrame) -> None:
    features = disease_features().to_pandas()
    found = sides(kg)
    merged = features.merge(found, left_on="node_index", right_on="index")
    assert (merged["mondo_name"] == merged["name"]).all()
    assert (merged["mondo_id"] == merged["id"]).all()
    in_graph = set(found.loc[found["type"] == "disease", "index"])
    assert in_graph <= set(features["node_index"])
    assert features["mondo_definition"].notna().all()
    texts = " ".join(features.select_dtypes("str").fillna("").to_numpy().ravel()).lower()
    assert "also known as: sle" in texts
    assert "contraindicat" not in texts
    assert not [drug.name for drug in fictional_drugs() if drug.name in texts]
