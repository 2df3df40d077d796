"""An exported student, read from its folder, by any of three runtimes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch

from fusehr.core.frame.errors import InputError
from fusehr.models.distilled.about import ABOUT, INT8, ONNX, Exported, read_about
from fusehr.models.distilled.tokens import TokenBatch, TokenTexts, load_tokenizer, tokenise
from fusehr.models.networks.fitting import probabilities

# torch: model.safetensors | onnx: the same in onnxruntime | int8: weights of 8 bits, a fourth of
# the size.
Runtime = Literal["torch", "onnx", "int8"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
Run = Callable[[TokenBatch], np.ndarray]


@dataclass(frozen=True)
class ExportedStudent:
    """Texts to probabilities. run: a batch to logits, float32 (b, n_classes)."""

    about: Exported
    tokenizer: Any
    run: Run

    def tokens(self, texts: Sequence[str]) -> TokenTexts:
        """`texts` as the student reads them."""
        return tokenise(
            self.tokenizer,
            texts,
            [[0]] * len(texts),
            around=self.about.around,
            max_tokens=self.about.max_tokens,
        )

    def probabilities(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Of n texts: float64 (n, n_classes), and int64 (n,), how many tokens were cut off.

        Each text runs alone: to the last bit nothing depends on the others, and on a processor it
        is no slower than a batch with its padding.
        """
        tokens = self.tokens(texts)
        p = [self._alone(tokens.batch(row)) for row in _rows(len(texts))]
        return torch.cat(p).numpy(), tokens.lost.numpy()

    def _alone(self, batch: TokenBatch) -> torch.Tensor:
        # vectorised functions too may differ in the last bit with the number of texts
        return probabilities(torch.from_numpy(self.run(batch)), exclusive=self.about.exclusive)


def load_exported(folder: Path, runtime: Runtime = "onnx", *, threads: int = 1) -> ExportedStudent:
    """What `export_student` wrote; InputError where a file is missing or does not fit the others.

    threads: of the processor. The runtime torch sets them for the whole process.
    """
    about = read_about(folder)
    run = _torch(folder, threads) if runtime == "torch" else _onnx(folder, runtime, threads)
    student = ExportedStudent(about, load_tokenizer(folder), run)
    found = student.run(student.tokens(["a"]).batch(torch.tensor([0]))).shape[1]
    if found != len(about.classes):
        raise InputError(
            f"{folder / ABOUT}: student.classes: expected the model's {found}, "
            f"found {len(about.classes)}"
        )
    return student


def _torch(folder: Path, threads: int) -> Run:
    # transformers' BERT takes seconds to import, and the other runtimes do without
    from fusehr.models.distilled.student import load_student

    student = load_student(folder)
    torch.set_num_threads(threads)

    @torch.inference_mode()
    def run(batch: TokenBatch) -> np.ndarray:
        return student(batch).numpy()

    return run


def _onnx(folder: Path, runtime: Runtime, threads: int) -> Run:
    import onnxruntime

    path = folder / (INT8 if runtime == "int8" else ONNX)
    if not path.is_file():
        raise InputError(f"{path}: expected a file, found none")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # threads that wait must sleep: spinning ones starve whatever else runs on the cores
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class of their own
        kind = type(error).__name__
        raise InputError(f"{path}: expected an ONNX graph, found none ({kind})") from None

    def whole(batch: TokenBatch) -> np.ndarray:
        given = {"ids": batch.ids.numpy(), "mask": batch.mask.numpy()}
        return np.asarray(session.run(None, given)[0])

    def alone(batch: TokenBatch) -> np.ndarray:
        """One text after the other: a batch has one scale of activations, so texts would disturb
        each other."""
        lengths = batch.mask.sum(dim=1)
        return np.concatenate(
            [
                whole(TokenBatch(*(part[row, : lengths[row]] for part in vars(batch).values())))
                for row in _rows(len(lengths))
            ]
        )

    return alone if runtime == "int8" else whole


def _rows(n: int) -> tuple[torch.Tensor, ...]:
    """0 to n - 1, each as a batch of one."""
    return torch.arange(n).split(1)
