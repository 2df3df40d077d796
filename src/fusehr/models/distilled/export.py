"""Write a student so that it runs without the code and data that made it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, write_json
from fusehr.models.distilled.about import INT8, ONNX, Exported, write_about
from fusehr.models.distilled.onnx_graph import write_int8, write_onnx
from fusehr.models.distilled.student import Student, save_student

TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
# Where a tokenizer was read from is no part of it.
OF_THE_HOST = ("name_or_path", "is_local", "local_files_only", "cache_dir")


def export_student(folder: Path, student: Student, tokenizer: Any, about: Exported) -> None:
    """Write weights, shape, tokenizer, what `about` says, and ONNX graphs to `folder`.

    Raises InputError where `about` is of another student.
    """
    shape = student.shape
    for name, told, own in (
        ("classes", len(about.classes), shape.n_classes),
        ("max_tokens", about.max_tokens, shape.max_tokens),
    ):
        if told != own:
            raise InputError(f"{folder}: {name}: expected the student's {own}, found {told}")
    folder.mkdir(parents=True, exist_ok=True)
    save_student(folder, student)
    _save_tokenizer(folder, tokenizer, about.max_tokens)
    write_about(folder, about)
    write_onnx(folder / ONNX, student)
    write_int8(folder / INT8, folder / ONNX)


def _save_tokenizer(folder: Path, tokenizer: Any, max_tokens: int) -> None:
    """tokenizer.json and tokenizer_config.json, whatever the tokenizer did before."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer.save_pretrained(scratch)
        config = read_json(Path(scratch, TOKENIZER_CONFIG))
        content = Path(scratch, TOKENIZER).read_bytes()
    for key in OF_THE_HOST:
        config.pop(key, None)
    write_json(folder / TOKENIZER_CONFIG, config | {"model_max_length": max_tokens})
    (folder / TOKENIZER).write_bytes(content)
