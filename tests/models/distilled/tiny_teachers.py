"""Tiny models of real architectures, saved to disk as a hub would: a BERT, a Qwen2 that chats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import yaml
from pydantic import TypeAdapter
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
)

from fusehr.core.params.distill import TeacherParams

ROOT = Path(__file__).parents[3]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS += ["gout", "fever", "shock", "heart", "failure", "of", "the", "what", "is", ";", "."]
TINY: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "intermediate_size": 32,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# as Qwen2's own
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _words(folder: Path) -> None:
    own = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    own.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    own.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)


def _bytes(folder: Path) -> int:
    """Byte pairs as Qwen2 has them, learnt from a few words; the number of tokens."""
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())
    )
    own.train_from_iterator([" ".join(WORDS[4:])] * 30 + ["user", "assistant"] * 30, trainer)
    learnt = json.loads(own.to_str())["model"]
    merges = [tuple(pair) for pair in learnt["merges"]]
    made = Qwen2Tokenizer(vocab=learnt["vocab"], merges=merges)  # type: ignore[arg-type]
    made.add_special_tokens({"additional_special_tokens": SPECIAL})
    made.chat_template = TEMPLATE
    made.save_pretrained(folder)
    return len(made)


def save_bert(folder: Path) -> Path:
    """Three layers of width 16; words are WORDS."""
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(WORDS), num_attention_heads=2, **TINY)
    BertModel(config).save_pretrained(folder)
    _words(folder)
    return folder


def save_qwen(folder: Path) -> Path:
    """Three layers of width 16 and a chat template, with the layer over the vocabulary."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=_bytes(folder), num_attention_heads=4, num_key_value_heads=2, **TINY
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def params_of(model: Path, **changes: Any) -> TeacherParams:
    """Those of params.yaml in float32 on one thread, with changes; `lora` is a mapping."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())["distill"]["teacher"]
    told = tree | {"model": f"hf:{model}", "dtype": "float32", "max_tokens": 0, "threads": 1}
    told |= {"lora": tree["lora"] | changes.pop("lora", {})} | changes
    return TypeAdapter(TeacherParams).validate_python(told)
