"""Vectors of facts and summaries: by the encoder and reduction that `embed` left."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json
from fusehr.core.params.embed import EmbedParams, GradioParams
from fusehr.models.text.encoder import encode
from fusehr.models.text.reduction import fit_pca
from fusehr.models.text.tfidf import fit_tfidf_svd
from fusehr.rag.embedding import embed_texts


def params(encoder: str = "tfidf_svd") -> EmbedParams:
    return EmbedParams(
        encoder=encoder,
        dtype="float32",
        max_tokens=0,
        pooling="auto",
        dimension=0,
        matryoshka="auto",
        tokens_per_batch=256,
        device="cpu",
        threads=1,
        memory_mb=512,
        texts=[],
        note_kinds=[],
        reduced_dimension=4,
        fit_texts=1000,
        gradio=GradioParams(model="none", batch=1, timeout_s=1.0, retries=0),
    )


@pytest.fixture
def embedded(tmp_path: Path, world) -> Path:
    """As data/embed is after `embed`: an encoder and a projection fitted on some texts."""
    folder = tmp_path / "embed"
    folder.mkdir()
    texts = world.frame("texts")["text"].head(300).tolist()
    encoder = fit_tfidf_svd(texts, 16)
    encoder.save(folder)
    fit_pca(encode(encoder, texts), 4).save(folder)
    write_json(folder / "fitted.json", {"encoder": encoder.name, "dimension": encoder.dimension})
    return folder


@pytest.fixture
def rag(tmp_path: Path, world) -> Path:
    folder = tmp_path / "rag"
    folder.mkdir()
    shutil.copy(world.rag / "texts.parquet", folder)
    return folder


def test_every_text_of_a_chosen_kind_has_a_vector(rag, embedded, world):
    tally = embed_texts(rag, embedded, ["facts"], params())
    vectors = pd.read_parquet(rag / "vectors.parquet")
    assert set(vectors["text_sha256"]) == set(world.frame("facts")["text_sha256"])
    assert tally.texts == len(vectors) and set(vectors["dimension"]) == {16}
    reduced = pd.read_parquet(rag / "reduced.parquet")
    assert list(reduced["text_sha256"]) == list(vectors["text_sha256"])
    lengths = np.linalg.norm(np.stack(reduced["vector"].tolist()), axis=1)
    assert np.allclose(lengths, 1, atol=1e-6) and reduced["vector"].iloc[0].shape == (4,)


def test_vectors_are_those_of_the_encoder(rag, embedded):
    from fusehr.models.text.tfidf import TfidfSvd

    embed_texts(rag, embedded, ["facts", "sentences"], params())
    vectors = pd.read_parquet(rag / "vectors.parquet").set_index("text_sha256")["vector"]
    texts = pd.read_parquet(rag / "texts.parquet").set_index("text_sha256")["text"]
    one = texts.index[7]
    expected = encode(TfidfSvd.load(embedded), [texts[one]])[0]
    assert vectors[one].tolist() == expected.tolist()


def test_another_encoder_than_embed_used_is_refused(rag, embedded):
    write_json(embedded / "fitted.json", {"encoder": "minilm/bfloat16", "dimension": 384})
    with pytest.raises(InputError, match=r"fitted\.json: expected tfidf_svd.*found minilm"):
        embed_texts(rag, embedded, ["facts"], params())


def test_store_holds_what_was_encoded_once(tmp_path, monkeypatch):
    """An encoder whose vectors are worth keeping is asked for each text once, in whatever run."""
    from fusehr.models.text.encoder import Encoded
    from fusehr.rag.vectors import vectors_of

    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path))
    asked: list[str] = []

    class Lengths:
        name, dimension, fingerprint = "lengths", 2, "f" * 32
        matryoshka, max_tokens, stored = False, 0, True

        def encode_stream(self, texts):
            texts = list(texts)
            asked.extend(texts)
            rows = np.array([(len(t), 1.0) for t in texts], dtype=np.float32).reshape(-1, 2)
            yield Encoded(np.arange(len(texts)), rows, np.zeros(len(texts), dtype=np.int8))

    first = vectors_of(Lengths(), ["a", "bb", "a"])
    assert first.vectors[:, 0].tolist() == [1.0, 2.0, 1.0]
    again = vectors_of(Lengths(), ["bb", "ccc"])
    assert again.vectors[:, 0].tolist() == [2.0, 3.0] and again.encoded == 1
    assert asked.count("bb") == 1 and asked[-1] == "ccc"
