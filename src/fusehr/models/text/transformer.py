"""A pretrained transformer as text encoder, in bfloat16 or float32, on the processor or a GPU.

Texts of equal length run together (see equal_lengths), so attention needs no mask; tokens are
pooled in float32 and the vector is scaled to length 1. bfloat16 weights are three times as fast on
processors with AVX512-BF16 or AMX, and change all-MiniLM-L6-v2's vectors by a cosine of 0.9999;
on others they are slow.
"""

from __future__ import annotations

import importlib
import platform
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from fusehr.core.frame.errors import InputError
from fusehr.models.text.encoder import Encoded, digest, unit
from fusehr.models.text.equal_lengths import Batch, batches
from fusehr.models.text.pretrained import Files, Pooling, files_digest

TOKENISED = 1024  # texts in one call of the tokenizer
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
# Longest text read where neither parameter nor files say: what a plain BERT reads.
DEFAULT_TOKENS = 512
UNLIMITED = 10**9  # tokenizers without a limit of their own name a number above this


class TransformerEncoder:
    """The transformer in `files`.

    name: what outputs call it; pooling: overrides the files', which fall back to the last token for
    causal models and to the first (CLS) for others; max_tokens, dimension: 0 for the model's own;
    a smaller dimension keeps the first ones, which only a Matryoshka model allows. threads: batches
    computed at once on the processor; PyTorch itself keeps to one thread from then on. Raises
    InputError where model and parameters disagree.
    """

    stored = True

    def __init__(
        self,
        name: str,
        files: Files,
        *,
        matryoshka: bool,
        dtype: Literal["bfloat16", "float32"],
        pooling: Pooling | None = None,
        max_tokens: int = 0,
        dimension: int = 0,
        tokens_per_batch: int = 256,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        threads: int = 1,
    ) -> None:
        self._device = _device(device)
        self._workers = threads if self._device.type == "cpu" else 1
        logging.disable_progress_bar()
        self._model, self._tokenizer = _load(files.body, DTYPES[dtype])
        self._model.to(self._device).eval()
        config: Any = self._model.config
        self._pooling: Pooling = pooling or files.pooling or _usual_pooling(config)
        self._dense = [_dense(path).to(self._device).eval() for path in files.dense]
        self._global_first = config.model_type == "longformer" and self._pooling == "cls"
        self._tokens_per_batch = tokens_per_batch
        self.name = f"{name}/{dtype}"
        self.matryoshka = matryoshka
        told = files.max_tokens or int(self._tokenizer.model_max_length)
        self.max_tokens = _max_tokens(name, config, told, max_tokens)
        whole = self._dense[-1].out_features if self._dense else int(config.hidden_size)
        if dimension > whole or (0 < dimension < whole and not matryoshka):
            allowed = f"at most {whole}" if matryoshka else f"0 or {whole} (not a Matryoshka model)"
            raise InputError(
                f"params.yaml: embed.dimension: expected {allowed} for {name}, found {dimension}"
            )
        self.dimension = dimension or whole
        self._tokenizer.truncation_side = "right"
        self.fingerprint = digest(
            {
                "files": files_digest(files.folder),
                "dtype": dtype,
                "pooling": self._pooling,
                "max_tokens": self.max_tokens,
                "tokens_per_batch": tokens_per_batch,
                "libraries": [torch.__version__, transformers.__version__],
                "processor": _processor(self._device),
            }
        )

    def encode_stream(self, texts: Iterable[str]) -> Iterator[Encoded]:
        """As TextEncoder.encode_stream."""
        cut: dict[int, int] = {}
        # Each batch is computed by one thread, several batches at once: a product that threads
        # share is divided by rows, and a row's last bits then depend on where in it the row stands.
        torch.set_num_threads(1)
        with ThreadPoolExecutor(
            self._workers, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            running: deque[tuple[Batch, Future[np.ndarray]]] = deque()
            for batch in batches(self._tokens(texts, cut), self._tokens_per_batch):
                running.append((batch, pool.submit(self._vectors, batch)))
                if len(running) > 2 * self._workers:
                    yield _encoded(*running.popleft(), cut)
            while running:
                yield _encoded(*running.popleft(), cut)

    def _vectors(self, batch: Batch) -> np.ndarray:
        vectors = self._forward(torch.from_numpy(batch.ids).to(self._device))
        return unit(vectors[: len(batch.rows)].cpu().numpy(), self.name)

    def _tokens(self, texts: Iterable[str], cut: dict[int, int]) -> Iterator[tuple[int, list[int]]]:
        """Numbered token ids; `cut` receives, for each, whether the text was longer."""
        row, remaining = 0, iter(texts)
        while part := list(islice(remaining, TOKENISED)):
            encodings = self._tokenizer(
                part, truncation=True, max_length=self.max_tokens, return_attention_mask=False
            ).encodings
            for encoding in encodings:
                cut[row] = int(bool(encoding.overflowing))
                yield row, encoding.ids
                row += 1

    @torch.inference_mode()
    def _forward(self, ids: Tensor) -> Tensor:
        """ids (b, length) -> float32 (b, dimension)."""
        extra = {}
        if self._global_first:  # the document's own token sees all of it
            extra["global_attention_mask"] = torch.zeros_like(ids)
            extra["global_attention_mask"][:, 0] = 1
        hidden = self._model(input_ids=ids, **extra).last_hidden_state  # (b, length, hidden)
        if self._pooling == "mean":
            pooled = hidden.float().mean(dim=1)
        else:
            pooled = hidden[:, 0 if self._pooling == "cls" else -1].float()
        for dense in self._dense:
            pooled = dense({"sentence_embedding": pooled})["sentence_embedding"]
        return pooled[:, : self.dimension]


def _encoded(batch: Batch, vectors: Future[np.ndarray], cut: dict[int, int]) -> Encoded:
    truncated = np.array([cut.pop(row) for row in batch.rows.tolist()], dtype=np.int8)
    return Encoded(batch.rows, vectors.result(), truncated)


def _load(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
        model = AutoModel.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{folder}: expected a transformers encoder, found: {reason}") from None
    if not tokenizer.is_fast:
        raise InputError(f"{folder}: expected a tokenizer.json, found a slow tokenizer only")
    return model, tokenizer


def _dense(folder: Path) -> Any:
    # only models that have such a layer need the library, which takes seconds to load
    modules: Any = importlib.import_module("sentence_transformers.sentence_transformer.modules")
    return modules.Dense.load(str(folder)).float()


def _usual_pooling(config: Any) -> Pooling:
    names = " ".join(getattr(config, "architectures", None) or ())
    causal = "CausalLM" in names or config.model_type in ("qwen2", "qwen3", "llama", "mistral")
    return "last" if causal else "cls"


def _max_tokens(name: str, config: Any, told: int, asked: int) -> int:
    """Tokens of a text that are read, special ones included."""
    positions = int(getattr(config, "max_position_embeddings", 0) or 0)
    if config.model_type in ("roberta", "longformer", "xlm-roberta", "camembert"):
        positions -= int(config.pad_token_id) + 1  # their positions start behind the padding's
    if asked and positions and asked > positions:
        raise InputError(
            f"params.yaml: embed.max_tokens: expected at most {positions} for {name}, found {asked}"
        )
    known = [limit for limit in (told, positions) if 0 < limit < UNLIMITED]
    return asked or min(known, default=DEFAULT_TOKENS)


def _device(asked: str) -> torch.device:
    if asked == "cuda" and not torch.cuda.is_available():
        raise InputError("params.yaml: embed.device: expected a CUDA device, found none")
    if asked == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")


def _processor(device: torch.device) -> str:
    """What the kernels are chosen by: another model may give other last bits."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    kept = ("model name", "cpu family", "model\t", "flags")
    found = [next((line for line in lines if line.startswith(key)), "") for key in kept]
    return " ".join([platform.machine(), torch.backends.cpu.get_cpu_capability(), *found])
