"""What is retrieved for samples: readable by looking a pair up, and never from the future."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.schemas import DRUGS, NOTES
from fusehr.rag.knowledge import sources
from fusehr.rag.notes import entities
from fusehr.rag.run import retrieve

PLANTED_IN = ("mortality", "readmission", "deterioration")
OWN = ("finding/falls/present", "finding/weight loss/present")
DECOY = ("finding/hearing loss/present", "finding/leg cramps/present")


def flags(tables: Path, part: str) -> pd.Series:
    """Whether the visit's hidden flag is set, by sample: it raises the logit above the lowest."""
    truth = pd.read_parquet(tables / "truth.parquet")
    truth = truth[truth["task"].isin(PLANTED_IN)]
    by_sample = truth.groupby("sample_id")[part].first()
    lowest = truth.groupby("task")[part].transform("min").groupby(truth["sample_id"]).first()
    return by_sample > lowest + 1e-9


def contraindications(rag: Path, samples: pd.Index) -> np.ndarray:
    facts = pd.read_parquet(rag / "facts.parquet", columns=["sample_id", "kind", "relation"])
    chosen = facts[(facts["kind"] == "own_pair") & (facts["relation"] == "contraindication")]
    return chosen.groupby("sample_id").size().reindex(samples, fill_value=0).to_numpy()


def test_exposure_is_read_back_from_the_facts(world):
    exposed = flags(world.tables, "graph")
    assert roc_auc_score(exposed, contraindications(world.rag, exposed.index)) >= 0.95


def test_the_number_of_own_pairs_tells_nothing(world):
    exposed = flags(world.tables, "graph")
    facts = world.frame("facts")
    own = facts[facts["kind"] == "own_pair"].groupby("sample_id").size()
    assert abs(roc_auc_score(exposed, own.reindex(exposed.index, fill_value=0)) - 0.5) < 0.07


def test_exposure_needs_the_planted_edges(world, general_graph, tmp_path, rag_params):
    retrieve(world.tables, general_graph, tmp_path, rag_params())
    exposed = flags(world.tables, "graph")
    auroc = roc_auc_score(exposed, contraindications(tmp_path, exposed.index))
    assert abs(auroc - 0.5) < 0.05


@pytest.mark.real
def test_exposure_needs_drugs_in_the_graph(world, mirror, tmp_path, rag_params, monkeypatch):
    from fusehr.rag.knowledge.build import build

    monkeypatch.setenv("FUSEHR_MIRROR", str(mirror))
    (tmp_path / "graph").mkdir()
    build(sources.attach_disease_ontology, tmp_path / "graph", threads=1, memory_mb=512)
    (tmp_path / "rag").mkdir()
    retrieve(world.tables, tmp_path / "graph", tmp_path / "rag", rag_params())
    exposed = flags(world.tables, "graph")
    counts = contraindications(tmp_path / "rag", exposed.index)
    assert roc_auc_score(exposed, counts) == 0.5
    facts = pd.read_parquet(tmp_path / "rag" / "facts.parquet")
    assert len(facts) and not (facts["kind"] == "own_pair").any()


def test_frailty_is_read_back_from_counts_of_asserted_findings(world):
    frail = flags(world.tables, "notes")
    counts = world.frame("fact_counts").pivot_table(
        index="sample_id", columns="feature", values="value", fill_value=0
    )
    counts = counts.reindex(frail.index, fill_value=0)
    score = counts[list(OWN)].sum(axis=1) - counts[list(DECOY)].sum(axis=1)
    assert roc_auc_score(frail, score) >= 0.9
    mentioned = [
        counts.filter(regex=f"^finding/{name}/").sum(axis=1) for name in ("falls", "hearing loss")
    ]
    # the words alone tell nothing: every note has them
    assert abs(roc_auc_score(frail, mentioned[0] - mentioned[1]) - 0.5) < 0.05


def test_facts_are_in_order_and_within_their_limits(world):
    facts = world.frame("facts")
    part = facts["kind"].map({"own_pair": 0, "disease": 1, "drug": 2, "definition": 3})
    assert (part.groupby(facts["sample_id"]).diff().dropna() >= 0).all()
    assert (facts["rank"] == facts.groupby("sample_id").cumcount()).all()
    sizes = facts.groupby(["sample_id", "kind"]).size().unstack(fill_value=0)
    assert sizes["own_pair"].max() <= 20
    assert sizes["disease"].max() <= 50
    assert sizes["definition"].max() <= 10
    assert not facts.duplicated(["sample_id", "text_sha256"]).any()


def test_every_text_is_there_once_under_its_hash(world):
    texts, facts = world.frame("texts"), world.frame("facts")
    assert [sha256(text.encode()).hexdigest() for text in texts["text"]] == list(
        texts["text_sha256"]
    )
    summaries = world.frame("summaries")
    used = set(facts["text_sha256"]) | set(summaries["sentences"].explode())
    assert used == set(texts["text_sha256"])
    # each costs an embedding
    assert len(texts) < 6000


def test_every_sample_has_a_summary_of_its_sentences(world):
    summaries = world.frame("summaries")
    assert list(summaries["sample_id"]) == sorted(world.frame("samples")["sample_id"])
    text_of = world.frame("texts").set_index("text_sha256")["text"]
    for row in summaries.head(50).itertuples():
        assert ". ".join(text_of[list(row.sentences)]) + "." == row.text


def test_no_disease_of_a_sample_is_only_denied_feared_or_a_relatives(world):
    told, facts = world.frame("entities"), world.frame("facts")
    diseases = told[told["kind"] == "disease"]
    told = diseases.assign(of_patient=diseases["assertion"].isin(["present", "historical"])).merge(
        world.frame("notes")[["note_id", "patient_id"]], on="note_id"
    )
    ever = told.groupby(["patient_id", "node_index"])["of_patient"].any()
    never = ever[~ever].reset_index()[["patient_id", "node_index"]]
    assert len(never) > 100
    defined = facts[facts["kind"] == "definition"].merge(
        world.frame("samples")[["sample_id", "patient_id"]], on="sample_id"
    )
    wrong = defined.merge(never, left_on=["patient_id", "x"], right_on=["patient_id", "node_index"])
    assert wrong.empty


def test_the_future_changes_nothing(world, tmp_path, rag_params):
    """Without the notes and drugs after some time, the samples up to it keep all their facts."""
    samples = world.frame("samples")
    cut = samples.groupby("patient_id")["index_time"].transform("median")
    by_patient = samples.assign(cut=cut).groupby("patient_id")["cut"].first()
    tables = tmp_path / "tables"
    shutil.copytree(world.tables, tables)
    for name, schema in (("notes", NOTES), ("drugs", DRUGS)):
        frame = world.frame(name)
        limit = frame["patient_id"].map(by_patient)
        assert (frame["available_time"] > limit).sum() > 100
        write_parquet(tables / f"{name}.parquet", frame[~(frame["available_time"] > limit)], schema)
    (tmp_path / "rag").mkdir()
    retrieve(tables, world.knowledge, tmp_path / "rag", rag_params())
    before = set(samples.loc[samples["index_time"] <= cut, "sample_id"])
    columns = ["sample_id", "rank", "text", "score"]

    def of(folder: Path) -> pd.DataFrame:
        facts = pd.read_parquet(folder / "facts.parquet", columns=columns)
        return facts[facts["sample_id"].isin(before)].reset_index(drop=True)

    pd.testing.assert_frame_equal(of(world.rag), of(tmp_path / "rag"))


def test_without_notes_diseases_come_from_earlier_bills_alone(world, tmp_path, rag_params):
    retrieve(world.tables, world.knowledge, tmp_path, rag_params(note_kinds=[]))
    facts = pd.read_parquet(tmp_path / "facts.parquet")
    facts = facts[facts["kind"] == "definition"]
    samples, visits = world.frame("samples"), world.frame("visits")
    known = samples.merge(visits, on="patient_id", suffixes=("", "_of_visit"))
    known = known[known["codes_available_time"] <= known["codes_through"]]
    assert (known["task"] != "next_diagnoses").any()
    assert len(facts) and set(facts["sample_id"]) <= set(known["sample_id"])


def test_same_bytes_whatever_the_threads(few, tmp_path, rag_params, monkeypatch):
    monkeypatch.setattr(entities, "ALONE", 0)  # notes are read by two processes
    retrieve(few.tables, few.knowledge, tmp_path, rag_params(threads=2))
    for path in sorted(few.rag.iterdir()):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_summary_of_chat_needs_an_address(rag_params):
    with pytest.raises(Exception, match=r"rag\.summary: expected template or chat:<url>"):
        rag_params(summary="chat")


@pytest.mark.parametrize("ranking", ["dense", "hybrid"])
def test_other_rankings_keep_the_own_pairs(few, tmp_path, rag_params, ranking, monkeypatch):
    from fusehr.rag import run

    def encode(texts):
        # words hashed into 64 places: like texts near each other, and no model to load
        vectors = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, int(sha256(word.encode()).hexdigest(), 16) % 64] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    monkeypatch.setattr(run, "matching_encoder", lambda *_, **__: encode)
    retrieve(few.tables, few.knowledge, tmp_path, rag_params(ranking=ranking))
    own = [
        frame[frame["kind"] == "own_pair"].drop(columns="rank").reset_index(drop=True)
        for frame in (few.frame("facts"), pd.read_parquet(tmp_path / "facts.parquet"))
    ]
    pd.testing.assert_frame_equal(own[0], own[1])
    assert (tmp_path / "facts.parquet").read_bytes() != (few.rag / "facts.parquet").read_bytes()
