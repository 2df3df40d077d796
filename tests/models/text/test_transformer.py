"""A text's vector is the model's own, and the same bits whatever it is encoded with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from fusehr.core.frame.errors import InputError
from fusehr.models.text import pretrained
from fusehr.models.text.encoder import encode
from fusehr.models.text.transformer import TransformerEncoder

KINDS = ["bert", "longformer", "modernbert", "qwen3"]


def make(folder: Path, **changes: Any) -> TransformerEncoder:
    settings: dict[str, Any] = {
        "matryoshka": False,
        "dtype": "float32",
        "device": "cpu",
        "tokens_per_batch": 64,
    }
    return TransformerEncoder("tiny", pretrained.inspect(folder), **(settings | changes))


def one_by_one(folder: Path, texts: list[str], pooling: str, longformer: bool) -> np.ndarray:
    """The model as transformers runs it, a text at a time."""
    model, tokenizer = (
        AutoModel.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    vectors = []
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt")
        inputs = {key: inputs[key] for key in ("input_ids", "attention_mask")}
        if longformer:
            whole = torch.zeros_like(inputs["input_ids"])
            whole[:, 0] = 1
            inputs["global_attention_mask"] = whole
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state[0]
        pooled = {"mean": hidden.mean(0), "cls": hidden[0], "last": hidden[-1]}[pooling]
        vectors.append((pooled / pooled.norm()).numpy())
    return np.stack(vectors)


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_the_model_s_own(
    kind: str, model_folder: Callable[[str], Path], sentences: list[str]
) -> None:
    folder = model_folder(kind)
    pooling = "last" if kind == "qwen3" else "cls"
    expected = one_by_one(folder, sentences, pooling, kind == "longformer")
    np.testing.assert_allclose(encode(make(folder), sentences), expected, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_no_bit_depends_on_the_company(
    kind: str, threads: int, dtype: str, model_folder: Callable[[str], Path], sentences: list[str]
) -> None:
    encoder = make(model_folder(kind), dtype=dtype, threads=threads)
    together = encode(encoder, sentences)
    order = np.random.default_rng(0).permutation(len(sentences))
    assert np.array_equal(encode(encoder, [sentences[k] for k in order]), together[order])
    for k in (0, 7, 31):
        assert np.array_equal(encode(encoder, [sentences[k]])[0], together[k])
    assert np.array_equal(encode(encoder, sentences[20:33]), together[20:33])
    single = make(model_folder(kind), dtype=dtype, threads=1)
    assert np.array_equal(encode(single, sentences), together)


def test_a_padded_batch_would_differ(
    model_folder: Callable[[str], Path], sentences: list[str]
) -> None:
    """What the test above would find in an encoder that pads, as the usual ones do."""
    folder = model_folder("bert")
    model, tokenizer = (
        AutoModel.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )

    def padded(texts: list[str]) -> torch.Tensor:
        inputs = tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            return model(**inputs).last_hidden_state[:, 0]

    together = padded(sentences)
    alone = torch.cat([padded([text]) for text in sentences])
    assert not torch.equal(alone, together)


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_pooling_and_length_come_from_the_files(
    pooling: str, declared_folder: Callable[..., Path], sentences: list[str]
) -> None:
    folder = declared_folder("bert", {"last": "lasttoken"}.get(pooling, pooling))
    encoder = make(folder)
    assert encoder.max_tokens == 12
    short = [text for text in sentences if len(text.split()) <= 10]
    np.testing.assert_allclose(
        encode(encoder, short), one_by_one(folder, short, pooling, False), atol=2e-6
    )


def test_as_sentence_transformers_encodes(
    declared_folder: Callable[..., Path], sentences: list[str]
) -> None:
    library = pytest.importorskip("sentence_transformers")
    folder = declared_folder("bert", "mean")
    peer = library.SentenceTransformer(str(folder), device="cpu")
    expected = peer.encode(sentences, normalize_embeddings=True)
    np.testing.assert_allclose(encode(make(folder), sentences), expected, atol=2e-6)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_layers_behind_the_pooling_are_applied(
    pooling: str, declared_folder: Callable[..., Path], tmp_path: Path, sentences: list[str]
) -> None:
    library = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    torch.manual_seed(1)
    body = library.SentenceTransformer(str(declared_folder("bert", pooling)), device="cpu")
    layers = [body[0], body[1], modules.Dense(32, 16), modules.Normalize()]
    peer = library.SentenceTransformer(modules=layers, device="cpu")
    peer.save(str(tmp_path / "saved"))
    encoder = make(tmp_path / "saved")
    assert encoder.dimension == 16
    np.testing.assert_allclose(encode(encoder, sentences), peer.encode(sentences), atol=2e-6)


def test_long_texts_are_cut_and_counted(model_folder: Callable[[str], Path]) -> None:
    encoder = make(model_folder("bert"), max_tokens=6)
    texts = ["w1 w2", "w1 w2 w3 w4", "w1 w2 w3 w4 w5"]
    cut = np.zeros(3)
    for part in encoder.encode_stream(texts):
        cut[part.rows] = part.truncated
    assert cut.tolist() == [0, 0, 1]
    vectors = encode(encoder, texts)
    assert np.array_equal(vectors[1], vectors[2])


def test_matryoshka_keeps_the_first_dimensions(
    declared_folder: Callable[..., Path], sentences: list[str]
) -> None:
    folder = declared_folder("qwen3", "lasttoken", truncate_dim=8)
    assert pretrained.declares_matryoshka("tiny", pretrained.inspect(folder))
    whole, cut = (
        encode(make(folder), sentences),
        encode(make(folder, matryoshka=True, dimension=8), sentences),
    )
    first = whole[:, :8] / np.linalg.norm(whole[:, :8], axis=1, keepdims=True)
    np.testing.assert_allclose(cut, first, atol=1e-6)
    with pytest.raises(InputError, match=r"embed\.dimension: expected 0 or 32"):
        make(folder, dimension=8)


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("Qwen/Qwen3-Embedding-0.6B", True),
        ("Qwen/Qwen3-Embedding-4B", True),
        ("BAAI/bge-m3", False),
    ],
)
def test_matryoshka_is_known_of_published_models(
    name: str, declared: bool, model_folder: Callable[[str], Path]
) -> None:
    files = pretrained.inspect(model_folder("bert"))
    assert pretrained.declares_matryoshka(name, files) is declared


def test_bfloat16_stays_close(model_folder: Callable[[str], Path], sentences: list[str]) -> None:
    folder = model_folder("bert")
    exact, rounded = (
        encode(make(folder), sentences),
        encode(make(folder, dtype="bfloat16"), sentences),
    )
    assert (exact * rounded).sum(axis=1).min() > 0.999
    assert not np.array_equal(exact, rounded)


def test_fingerprint_tells_what_changes_a_bit(
    model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    import shutil

    folder = model_folder("bert")
    shutil.copytree(folder, tmp_path / "copy")
    prints = {make(folder).fingerprint, make(tmp_path / "copy").fingerprint}
    assert len(prints) == 1
    for changes in ({"dtype": "bfloat16"}, {"max_tokens": 9}, {"pooling": "mean"}):
        prints.add(make(folder, **changes).fingerprint)
    weights = tmp_path / "copy/model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    prints.add(make(tmp_path / "copy").fingerprint)
    assert len(prints) == 5


def test_a_vector_that_is_no_number_is_an_error(model_folder: Callable[[str], Path]) -> None:
    encoder = make(model_folder("bert"))
    with torch.no_grad():
        next(iter(encoder._model.parameters())).fill_(float("nan"))
    with pytest.raises(InputError, match="zero or not finite"):
        encode(encoder, ["w1 w2"])


def test_what_is_no_encoder_is_said_so(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=r"config\.json: expected a file"):
        pretrained.inspect(tmp_path)
    with pytest.raises(InputError, match=r"embed\.max_tokens: expected at most 48"):
        make(model_folder("bert"), max_tokens=99)


def test_memory_waits_for_no_more_than_a_batch_a_length() -> None:
    from fusehr.models.text.equal_lengths import batches

    waiting, most, yielded = 0, 0, 0

    def texts():
        nonlocal waiting, most
        for row in range(20_000):
            waiting += 1
            most = max(most, waiting)
            yield row, [1] * (1 + row % 7)

    for batch in batches(texts(), 64):
        waiting -= len(batch.rows)
        yielded += len(batch.rows)
        assert batch.ids.size <= 64
    assert yielded == 20_000 and most < 7 * 64
