"""Tiny models of the architectures that people use, made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    BertConfig,
    LongformerConfig,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 48,
    "pad_token_id": 0,
}
CONFIGS: dict[str, Callable[[], Any]] = {
    "bert": lambda: BertConfig(**SIZES),
    "longformer": lambda: LongformerConfig(**SIZES, attention_window=8),
    "modernbert": lambda: ModernBertConfig(
        **SIZES, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3
    ),
    "qwen3": lambda: Qwen3Config(
        **SIZES, num_key_value_heads=2, head_dim=8, bos_token_id=2, eos_token_id=3
    ),
}
SENTENCES = [" ".join(f"w{(k * j) % 57}" for j in range(1, 2 + k % 13)) for k in range(60)]


def save_model(folder: Path, kind: str) -> Path:
    """A random model of the kind with a tokenizer of 60 words, as transformers saves them."""
    torch.manual_seed(0)
    AutoModel.from_config(CONFIGS[kind]()).save_pretrained(folder)
    words = {word: number for number, word in enumerate([*SPECIAL, *(f"w{k}" for k in range(60))])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    single = "$A [SEP]" if kind == "qwen3" else "[CLS] $A [SEP]"
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single=single, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)
    return folder


def declare(folder: Path, pooling: str, **settings: Any) -> None:
    """modules.json and its companions, as sentence-transformers writes them."""
    types = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(types.items())
    ]
    (folder / "1_Pooling").mkdir()
    modes = ("pooling_mode_mean_tokens", "pooling_mode_cls_token", "pooling_mode_lasttoken")
    config = {"word_embedding_dimension": 32} | {mode: pooling in mode for mode in modes}
    (folder / "1_Pooling/config.json").write_text(json.dumps(config))
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 12}))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))


@pytest.fixture
def sentences() -> list[str]:
    return list(SENTENCES)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = save_model(tmp_path_factory.mktemp(kind), kind)
        return made[kind]

    return folder


@pytest.fixture
def declared_folder(tmp_path: Path) -> Callable[..., Path]:
    def folder(kind: str, pooling: str, **settings: Any) -> Path:
        made = save_model(tmp_path / "declared", kind)
        declare(made, pooling, **settings)
        return made

    return folder
