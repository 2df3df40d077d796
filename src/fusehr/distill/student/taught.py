"""What the teachers said of a task's texts, beside the texts themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fusehr.core.distill_schemas import SOFT_LABELS, TEACHER_ATTENTION
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet
from fusehr.distill.texts import TaskTexts
from fusehr.models.distilled.attention import Levels
from fusehr.models.distilled.tokens import TokenBatch


@dataclass(frozen=True)
class Taught:
    """Of n texts in one round; what no teacher was asked about holds zeros.

    logits: float32 (n, n_classes); tokens, with `offsets` int64 (n + 1,): attention of each text's
    own tokens; sections: (n, s, s), all sections of the longest text.
    """

    logits: Tensor
    tokens: Tensor
    offsets: Tensor
    sections: Tensor

    @property
    def n_sections(self) -> int:
        """Of the text that has most."""
        return self.sections.shape[1]

    def levels(self, rows: Tensor, batch: TokenBatch) -> Levels:
        """The teacher's attention over the texts at `rows`, laid out as their tokens in `batch`."""
        inside = batch.inside
        tokens = torch.zeros(inside.shape)
        own = [self.tokens[self.offsets[row] : self.offsets[row + 1]] for row in rows.tolist()]
        tokens[inside] = torch.cat(own)
        # sections that are not there have no tokens
        place = torch.arange(self.n_sections)
        member = (batch.sections[:, :, None] == place).float()  # (b, l, s)
        patient = torch.einsum("bl,bls->bs", tokens, member)
        return Levels(tokens, self.sections[rows], patient)


def load_taught(folder: Path, texts: TaskTexts, round_name: str) -> Taught:
    """From what distill-soft-labels wrote; InputError where a table does not fit the texts."""
    classes, ids = list(texts.samples.classes), texts.table["sample_id"]
    place = {sample_id: row for row, sample_id in enumerate(ids)}
    path = folder / "soft_labels.parquet"
    known = read_parquet(path, SOFT_LABELS)
    known = known[(known["task"] == texts.samples.task) & (known["round"] == round_name)]
    wide = known.pivot(index="sample_id", columns="class", values="logit")
    if sorted(wide.columns) != sorted(classes):
        raise InputError(f"{path}: column class: expected {classes}, found {list(wide.columns)}")
    unknown = [one for one in wide.index if one not in place]
    if unknown:
        raise InputError(f"{path}: column sample_id: expected a text's, found {unknown[0]}")
    logits = np.zeros((len(ids), len(classes)), np.float32)
    logits[[place[one] for one in wide.index]] = wide[classes].to_numpy(np.float32)

    path = folder / "attention.parquet"
    told = read_parquet(path, TEACHER_ATTENTION)
    told = told[(told["task"] == texts.samples.task) & (told["round"] == round_name)]
    rows = [place[one] for one in told["sample_id"]]
    most = max((int(one.max()) + 1 for one in told["present"]), default=1)
    sections = np.zeros((len(ids), most, most), np.float32)
    lengths = np.zeros(len(ids), np.int64)
    for row, tokens, between, present in zip(
        rows, told["tokens"], told["sections"], told["present"], strict=True
    ):
        lengths[row] = len(tokens)
        sections[row][np.ix_(present, present)] = between.reshape(len(present), -1)
    in_order = told["tokens"].iloc[np.argsort(rows, kind="stable")]
    flat = np.concatenate(in_order.to_list() or [np.zeros(0)]).astype(np.float32)
    return Taught(
        torch.from_numpy(logits),
        torch.from_numpy(flat),
        torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)])),
        torch.from_numpy(sections),
    )
