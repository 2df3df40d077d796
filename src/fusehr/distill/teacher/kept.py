"""What the layers that never change make of every text, computed once for all fits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from fusehr.models.distilled.teacher import Teacher
from fusehr.models.distilled.tokens import TokenTexts

BYTES = {torch.bfloat16: 2, torch.float32: 4}
STORED = {torch.bfloat16: np.dtype("int16"), torch.float32: np.dtype("float32")}
BATCH_TOKENS = 1024


@dataclass(frozen=True)
class KeptHidden:
    """Hidden states of every token of n texts, in a file that processes share.

    offsets: int64 (n + 1,), of each text's first token.
    """

    path: Path
    offsets: Tensor
    width: int
    dtype: torch.dtype

    def batch(self, rows: Tensor) -> Tensor:
        """(b, l, width) of the texts at `rows`, zeros behind a text's own tokens."""
        stored = np.memmap(self.path, STORED[self.dtype], "r").reshape(-1, self.width)
        first, lengths = self.offsets[rows], self.offsets.diff()[rows]
        out = torch.zeros(len(rows), int(lengths.max()), self.width, dtype=self.dtype)
        for k, (start, length) in enumerate(zip(first.tolist(), lengths.tolist(), strict=True)):
            own = torch.from_numpy(np.array(stored[start : start + length]))
            out[k, :length] = own.view(self.dtype)
        return out


def keep_hidden(
    teacher: Teacher, texts: TokenTexts, rows: np.ndarray, path: Path, *, most_mb: int
) -> KeptHidden | None:
    """Compute and write what `teacher.below` gives for `rows`; None where it is not worth it.

    That is where every layer changes, or where the file would be larger than `most_mb` MiB. Texts
    that are not in `rows` hold zeros.
    """
    width, dtype = int(teacher.body.config.hidden_size), teacher.dtype
    total = int(texts.offsets[-1])
    if not teacher.has_below or total * width * BYTES[dtype] > most_mb * 2**20:
        return None
    device = next(teacher.body.parameters()).device
    stored = np.memmap(path, STORED[dtype], "w+", shape=(total, width))
    kept = KeptHidden(path, texts.offsets, width, dtype)
    lengths = texts.lengths[rows].numpy()
    order = rows[np.argsort(lengths, kind="stable")]
    with tqdm(total=len(rows), desc="layers below", unit="text", disable=None) as bar:
        for part in by_tokens(order, texts.lengths.numpy(), BATCH_TOKENS):
            batch = texts.batch(torch.from_numpy(part)).to(device)
            hidden = teacher.below(batch).to(dtype).cpu()  # (b, l, width)
            for k, row in enumerate(part):
                start, end = int(texts.offsets[row]), int(texts.offsets[row + 1])
                own = hidden[k, : end - start].contiguous()
                stored[start:end] = (
                    own.view(torch.int16).numpy() if dtype is torch.bfloat16 else own
                )
            bar.update(len(part))
    stored.flush()
    return kept


def by_tokens(rows: np.ndarray, lengths: np.ndarray, most: int) -> list[np.ndarray]:
    """`rows`, ascending in length, cut into batches of at most `most` tokens, padding included."""
    batches: list[list[int]] = []
    for row in rows.tolist():
        if not batches or lengths[row] * (len(batches[-1]) + 1) > most:
            batches.append([])
        batches[-1].append(row)
    return [np.array(batch, dtype=np.int64) for batch in batches]
