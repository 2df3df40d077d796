"""Sentences to unit vectors by a pretrained transformer that is trained along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel

from fusehr.core.frame.errors import InputError
from fusehr.models.networks.token_pooling import pooled
from fusehr.models.text.pretrained import Files, Pooling, hub_folder, inspect, minilm_folder


class SentenceEncoder(nn.Module):
    """A transformer over words, pooled; each distinct sentence of a batch is computed once.

    A word is its number in the tokenizer's vocabulary plus one, and 0 is no word, so that padding
    does not depend on the vocabulary.
    """

    def __init__(self, body: Any, pooling: Pooling) -> None:
        super().__init__()
        self.body = body
        self.pooling: Pooling = pooling
        self.width = int(body.config.hidden_size)

    def forward(self, words: Tensor) -> Tensor:
        """Integers (n, l), 0 behind a sentence's own words -> float32 (n, width) of length 1."""
        distinct, place = torch.unique(words, dim=0, return_inverse=True)  # (m, l), (n,)
        mask = distinct > 0
        longest = max(int(mask.sum(dim=1).max()), 1)
        distinct, mask = distinct[:, :longest].long(), mask[:, :longest]
        found = self.body(input_ids=(distinct - 1).clamp(min=0), attention_mask=mask.long())
        vectors = pooled(found.last_hidden_state, mask, self.pooling)  # (m, width)
        return nn.functional.normalize(vectors, dim=1)[place]  # (n, width)


def sentence_files(name: str, parameter: str) -> Files:
    """Of `minilm`, or of hf:<id or folder>; InputError, naming `parameter`, where not to be had."""
    try:
        folder = minilm_folder() if name == "minilm" else hub_folder(name.removeprefix("hf:"))
    except InputError as error:
        raise InputError(f"params.yaml: {parameter}: {error}") from None
    files = inspect(folder)
    if files.dense:
        raise InputError(
            f"params.yaml: {parameter}: expected an encoder that ends in pooling, "
            f"found one with dense layers behind it"
        )
    return files


def load_sentence_encoder(files: Files) -> SentenceEncoder:
    """With pretrained weights in float32; pooled as its files say, else by its first token."""
    return SentenceEncoder(_body(files.body), files.pooling or "cls")


def _body(folder: Path) -> Any:
    try:
        return AutoModel.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{folder}: expected a transformers encoder, found: {reason}") from None
