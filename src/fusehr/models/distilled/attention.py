"""What a network attends to in a text, at three levels: its tokens, its sections, the patient.

Two networks over the same text share tokens and sections, whatever their widths and heads, so their
attention can be compared: CKD-EHR (arXiv 2506.15118) transfers a teacher's to its student at the
level of tokens, of visits and of the patient. Here sections (one visit's diseases, its operations,
...) stand in the place of visits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from fusehr.models.distilled.tokens import TokenBatch
from fusehr.models.networks.token_pooling import share
from fusehr.models.text.pretrained import Pooling

SMALLEST = 1e-6  # a probability's, so that its logarithm is finite


@dataclass(frozen=True)
class Levels:
    """Attention of b texts of l tokens in up to s sections; what is not there is 0.

    tokens: (b, l), of what is pooled to each token; sums to 1 over the text's own tokens.
    sections: (b, s, s), from the tokens of one section to those of another; rows sum to 1.
    patient: (b, s), of what is pooled to each section; sums to 1.
    """

    tokens: Tensor
    sections: Tensor
    patient: Tensor


def levels(attention: Tensor, batch: TokenBatch, pooling: Pooling, n_sections: int) -> Levels:
    """attention (b, l, l), rows attending to columns, mean over heads -> its three levels."""
    inside = batch.inside.float()  # (b, l)
    received = _pooled_rows(attention, batch.mask, pooling) * inside  # (b, l)
    tokens = received / received.sum(dim=1, keepdim=True).clamp(min=SMALLEST)
    place = torch.arange(n_sections, device=attention.device)
    member = (rearrange(batch.sections, "b l -> b l 1") == place).float()  # (b, l, s)
    between = rearrange(member, "b l s -> b s l") @ attention @ member  # (b, s, s)
    sections = between / between.sum(dim=2, keepdim=True).clamp(min=SMALLEST)
    patient = (rearrange(tokens, "b l -> b 1 l") @ member).squeeze(1)  # (b, s)
    return Levels(tokens, sections, patient)


def divergence(teacher: Levels, student: Levels) -> tuple[Tensor, Tensor, Tensor]:
    """Kullback-Leibler divergence (b,) of a student's tokens, sections, patient from a teacher's.

    That of sections is a mean over the sections that have tokens.
    """
    rows = teacher.sections.sum(dim=2)  # (b, s): 1 where a section is there
    between = _divergence(teacher.sections, student.sections)  # (b, s)
    return (
        _divergence(teacher.tokens, student.tokens),
        (between * rows).sum(dim=1) / rows.sum(dim=1).clamp(min=1),
        _divergence(teacher.patient, student.patient),
    )


def _divergence(p: Tensor, q: Tensor) -> Tensor:
    """Over the last dimension; where p is 0 nothing is added."""
    return (p * (p.clamp(min=SMALLEST).log() - q.clamp(min=SMALLEST).log())).sum(dim=-1)


def _pooled_rows(attention: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """(b, l): the attention of the tokens that are pooled."""
    if pooling == "cls":
        return attention[:, 0]
    if pooling == "last":
        last = mask.sum(dim=1) - 1
        return attention[torch.arange(len(attention), device=attention.device), last]
    return torch.einsum("bq,bqk->bk", share(mask), attention)
