"""A student as an ONNX graph, in float32 and with weights of 8 bits; the same bytes on every run.

Inputs: ids, int64 (b, l), and mask, bool (b, l); output: logits, float32 (b, n_classes).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata
from torch import Tensor, nn

from fusehr.models.distilled.student import Student
from fusehr.models.distilled.tokens import OUTSIDE, TokenBatch

# The first with Gelu as one node; every onnxruntime since 1.17 reads it.
OPSET = 20
INPUTS, OUTPUTS = ("ids", "mask"), ("logits",)
EXAMPLE = (3, 2)  # texts and tokens; the graph holds for any number of either


class _Plain(nn.Module):
    """A student that takes tensors only."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.student(TokenBatch(ids, mask, torch.full_like(ids, OUTSIDE)))


def write_onnx(path: Path, student: Student) -> None:
    """Write `student` in float32."""
    ids = torch.ones(EXAMPLE, dtype=torch.int64)
    mask = torch.ones(EXAMPLE, dtype=torch.bool)
    axes = {0: "b", 1: "l"}
    with _as_written(student), _quiet():
        found: Any = torch.onnx.export(
            _Plain(student).eval(),
            (ids, mask),
            dynamo=True,
            opset_version=OPSET,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=dict.fromkeys(INPUTS, axes),
            external_data=False,
            verbose=False,
        )
    _write(path, found.model_proto)


def write_int8(path: Path, source: Path) -> None:
    """Write the graph at `source` with weights, those of words too, of 8 bits, a scale a column.

    Unsigned: products of signed weights saturate on processors without VNNI.
    """
    model = onnx.load(source)
    # else onnxruntime advises to prepare the graph, which brings nothing here
    add_pre_process_metadata(model)
    quantize_dynamic(model, path, per_channel=True, weight_type=QuantType.QUInt8)
    _write(path, onnx.load(path))


@contextmanager
def _as_written(student: Student) -> Iterator[None]:
    """Without dropout, and with attention spelled out, which gives the smaller graph."""
    training = student.training
    student.body.set_attn_implementation("eager")
    try:
        yield
    finally:
        student.body.set_attn_implementation("sdpa")
        student.train(training)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on libraries that are not there and on its own workings."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _write(path: Path, model: onnx.ModelProto) -> None:
    """Without notes, which name files of this host, and without the exporter's version."""
    graph = model.graph
    parts = (graph.node, graph.input, graph.output, graph.value_info, graph.initializer)
    for part in (model, graph, *(one for every in parts for one in every)):
        part.doc_string = ""
        del part.metadata_props[:]
    model.producer_name, model.producer_version = "fusehr", ""
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
