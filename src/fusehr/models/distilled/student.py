"""The student: a BERT of a few layers with a linear head over the mean of its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, write_json
from fusehr.models.distilled.tokens import TokenBatch
from fusehr.models.networks.token_pooling import pooled
from fusehr.models.text.pretrained import Pooling

POOLING: Pooling = "mean"
WEIGHTS, SHAPE = "model.safetensors", "student.json"


@dataclass(frozen=True)
class Shape:
    """Size of a student. vocabulary, max_tokens, padding: as its teacher's tokenizer has them."""

    vocabulary: int
    max_tokens: int
    padding: int
    layers: int
    d_model: int
    heads: int
    dropout: float
    n_classes: int


class Student(nn.Module):
    """Texts to logits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        config = BertConfig(
            vocab_size=shape.vocabulary,
            max_position_embeddings=shape.max_tokens,
            pad_token_id=shape.padding,
            num_hidden_layers=shape.layers,
            hidden_size=shape.d_model,
            intermediate_size=4 * shape.d_model,
            num_attention_heads=shape.heads,
            hidden_dropout_prob=shape.dropout,
            attention_probs_dropout_prob=0.0,
            type_vocab_size=1,
        )
        self.body = BertModel._from_config(config, attn_implementation="sdpa")
        self.body.pooler = None
        self.head = nn.Linear(shape.d_model, shape.n_classes)

    def forward(self, batch: TokenBatch) -> Tensor:
        """(b, n_classes)."""
        found = self.body(input_ids=batch.ids, attention_mask=batch.mask.long())
        return self.head(pooled(found.last_hidden_state, batch.mask, POOLING))

    def logits_and_attention(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """(b, n_classes), and the last layer's attention (b, l, l), mean over heads."""
        self.body.set_attn_implementation("eager")
        try:
            found = self.body(
                input_ids=batch.ids, attention_mask=batch.mask.long(), output_attentions=True
            )
        finally:
            self.body.set_attn_implementation("sdpa")
        logits = self.head(pooled(found.last_hidden_state, batch.mask, POOLING))
        return logits, found.attentions[-1].mean(dim=1)


def save_student(folder: Path, student: Student) -> None:
    """Write model.safetensors and student.json."""
    save_file(
        {k: v.detach().contiguous() for k, v in student.state_dict().items()}, folder / WEIGHTS
    )
    write_json(folder / SHAPE, vars(student.shape))


def load_student(folder: Path) -> Student:
    """What `save_student` wrote; InputError where a file is missing or does not fit the other."""
    try:
        student = Student(Shape(**read_json(folder / SHAPE)))
    except TypeError as error:
        raise InputError(f"{folder / SHAPE}: expected the shape of a student: {error}") from None
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"{folder / WEIGHTS}: expected a file, found none")
    try:
        student.load_state_dict(load_file(folder / WEIGHTS))
    except RuntimeError as error:
        raise InputError(f"{folder / WEIGHTS}: {str(error).splitlines()[0]}") from None
    return student.eval()


@torch.no_grad()
def start_from_teacher(student: Student, body: Any) -> list[str]:
    """Copy the teacher's weights wherever they fit; the names of the student's that were taken.

    Layer k of n takes the teacher's layer at the same relative depth, where all its shapes are the
    same. Word vectors of another width become the principal components of the teacher's, scaled to
    the spread that a fresh student's have: what words mean is kept as far as the width allows.
    """
    taken = []
    words = student.body.embeddings.word_embeddings.weight  # (vocabulary, d_model)
    theirs = body.get_input_embeddings().weight.detach().float()  # (vocabulary, d)
    if len(theirs) >= len(words) and theirs.shape[1] >= words.shape[1]:
        same = theirs.shape[1] == words.shape[1]
        found = theirs if same else _components(theirs, words.shape[1])
        words.copy_(found[: len(words)])
        taken.append("embeddings.word_embeddings")
    own, other = student.body.encoder.layer, getattr(getattr(body, "encoder", None), "layer", None)
    if other is None:
        return taken
    for k, layer in enumerate(own):
        given = other[round((k + 1) * len(other) / len(own)) - 1]
        weights = {name: value.float() for name, value in _plain(given).items()}
        wanted = layer.state_dict()
        if weights.keys() == wanted.keys() and all(
            weights[name].shape == value.shape for name, value in wanted.items()
        ):
            layer.load_state_dict(weights)
            taken.append(f"encoder.layer.{k}")
    return taken


def _plain(layer: nn.Module) -> dict[str, Tensor]:
    """State of a layer as it was without adapters."""
    return {
        name.replace(".base_layer", ""): value
        for name, value in layer.state_dict().items()
        if "lora_" not in name
    }


def _components(table: Tensor, width: int) -> Tensor:
    """First principal components (n, width), each of fixed sign, with BERT's spread of .02."""
    centred = table - table.mean(dim=0)
    _, axes = torch.linalg.eigh(centred.T @ centred)  # ascending
    axes = axes[:, -width:].flip(dims=[1])  # (d, width)
    largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
    found = centred @ (axes * largest.sign())
    return found * (0.02 / found.std())
