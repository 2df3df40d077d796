"""What a student is trained on: hard labels, a teacher's soft ones, a teacher's attention.

    loss = a * hard + (1 - a) * (soft + attention)

With a = 0.9, a temperature of 1 and no attention this is CKD-EHR's loss (arXiv 2506.15118). A visit
of which the outcome is not known has no hard label and adds to the second part alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fusehr.models.distilled.attention import Levels, divergence


@dataclass(frozen=True)
class Weights:
    """alpha: of hard labels; temperature: of the soft ones; token, section, patient: of attention.

    soft: whether soft labels count at all; smoothing: share of a hard label that is spread evenly.
    """

    alpha: float
    temperature: float
    soft: bool
    token: float
    section: float
    patient: float
    smoothing: float

    @property
    def taught(self) -> bool:
        """Whether the teacher has a part in it."""
        return self.soft or self.attends

    @property
    def attends(self) -> bool:
        """Whether attention is compared."""
        return self.token + self.section + self.patient > 0


def distillation_loss(
    logits: Tensor,
    labels: Tensor,
    labelled: Tensor,
    weights: Weights,
    *,
    exclusive: bool,
    soft: Tensor | None = None,
    attention: tuple[Levels, Levels] | None = None,
) -> Tensor:
    """A scalar.

    logits, labels, soft: (b, c), `soft` the teacher's logits; labelled: bool (b,), samples whose
    hard labels are known; attention: the teacher's and the student's. A part of which no sample of
    the batch can tell adds nothing.
    """
    hard = _hard(logits[labelled], labels[labelled], weights.smoothing, exclusive=exclusive)
    taught = logits.new_zeros(())
    if soft is not None and weights.soft:
        taught = taught + _soft(logits, soft, weights.temperature, exclusive=exclusive)
    if attention is not None and weights.attends:
        of_tokens, of_sections, of_patient = (one.mean() for one in divergence(*attention))
        taught = taught + weights.token * of_tokens
        taught = taught + weights.section * of_sections + weights.patient * of_patient
    if not weights.taught:
        return hard
    return weights.alpha * hard + (1 - weights.alpha) * taught


def _hard(logits: Tensor, labels: Tensor, smoothing: float, *, exclusive: bool) -> Tensor:
    if not len(logits):
        return logits.new_zeros(())
    spread = 1 / labels.shape[1] if exclusive else 0.5
    labels = labels * (1 - smoothing) + smoothing * spread
    if exclusive:
        return functional.cross_entropy(logits, labels)
    return functional.binary_cross_entropy_with_logits(logits, labels)


def _soft(logits: Tensor, teacher: Tensor, temperature: float, *, exclusive: bool) -> Tensor:
    """Cross-entropy with the teacher's softened probabilities, scaled by the temperature squared.

    So that the gradient keeps its size whatever the temperature: Hinton, arXiv 1503.02531.
    """
    scale = temperature**2
    if exclusive:
        target = torch.softmax(teacher / temperature, dim=1)
        return scale * functional.cross_entropy(logits / temperature, target)
    target = torch.sigmoid(teacher / temperature)
    return scale * functional.binary_cross_entropy_with_logits(logits / temperature, target)
