"""Sentences by a transformer that is trained along: the vectors that `embed` would make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from fusehr.core.frame.errors import InputError
from fusehr.models.networks.inputs.note_texts import sentence_words
from fusehr.models.networks.sentence_encoder import load_sentence_encoder, sentence_files
from fusehr.models.text.encoder import encode
from fusehr.models.text.transformer import TransformerEncoder

SENTENCES = [" ".join(f"w{(k * j) % 17}" for j in range(1, 2 + k % 7)) for k in range(12)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def save(folder: Path, pooling: str) -> Path:
    """A tiny sentence transformer whose dictionary begins with a word that is no padding."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    config = BertConfig(vocab_size=32, num_hidden_layers=1, max_position_embeddings=16, **sizes)
    BertModel(config).save_pretrained(folder)
    words = {word: k for k, word in enumerate([*(f"w{k}" for k in range(17)), *SPECIAL])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    ends = [("[CLS]", words["[CLS]"]), ("[SEP]", words["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    modules = [{"path": p, "type": f"sentence_transformers.models.{k}"} for p, k in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({f"pooling_mode_{pooling}": True}))
    return folder


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token", "lasttoken"])
def test_vectors_are_those_of_the_frozen_encoder(tmp_path: Path, pooling: str) -> None:
    files = sentence_files(f"hf:{save(tmp_path, pooling)}", "recipes.x.text_model")
    module = load_sentence_encoder(files).eval()
    words = torch.from_numpy(sentence_words(SENTENCES, files.body, 16))
    found = module(words)
    frozen = TransformerEncoder("tiny", files, matryoshka=False, dtype="float32")
    np.testing.assert_allclose(found.detach().numpy(), encode(frozen, SENTENCES), atol=1e-5)
    # neither order nor neighbours nor padding matter, nor whether a sentence stands twice
    wider = torch.nn.functional.pad(words, (0, 7))[[5, 3, 5, 0]]
    torch.testing.assert_close(module(wider), found[[5, 3, 5, 0]], atol=1e-5, rtol=0)


def test_long_sentences_are_cut_and_ends_kept(tmp_path: Path) -> None:
    folder = save(tmp_path, "mean_tokens")
    words = sentence_words(["w1 w2 w3 w4 w5 w6", "w0"], folder, 4)
    cls, sep = 17 + SPECIAL.index("[CLS]") + 1, 17 + SPECIAL.index("[SEP]") + 1
    assert words.tolist() == [[cls, 2, 3, sep], [cls, 1, sep, 0]]


def test_it_learns(tmp_path: Path) -> None:
    files = sentence_files(f"hf:{save(tmp_path, 'mean_tokens')}", "recipes.x.text_model")
    module = load_sentence_encoder(files)
    module(torch.from_numpy(sentence_words(SENTENCES, files.body, 16)))[:, 0].sum().backward()
    gradients = [p.grad for name, p in module.named_parameters() if "attention" in name]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients[:2])


def test_an_unknown_model_names_the_parameter(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params.yaml: recipes.x.text_model"):
        sentence_files(f"hf:{tmp_path}/no such", "recipes.x.text_model")
