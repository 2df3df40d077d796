"""Fit one student for a number of optimisation steps, and keep the best one on validation rows.

Every way of training takes the same number of steps of the same size, whatever texts it may use.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fusehr.core.params.distill import StudentParams
from fusehr.core.seeding import generator, seed_of
from fusehr.distill.schedule import rate_scale
from fusehr.distill.student.taught import Taught
from fusehr.distill.student.variants import Way
from fusehr.models.distilled.attention import levels
from fusehr.models.distilled.losses import distillation_loss
from fusehr.models.distilled.student import POOLING, Shape, Student
from fusehr.models.distilled.tokens import TokenTexts
from fusehr.models.networks.fitting import (
    Goal,
    expect_finite,
    length_bucketed,
    settle_torch,
    start_at_prevalence,
    validation_metric,
)

PREDICTED = 64  # texts in one batch


@dataclass(frozen=True)
class StudentFit:
    """All that one fit needs; passed to a process of its own.

    start: weights that the student begins with, besides fresh ones. train, unlabelled, val: rows of
    `texts`, int64; labels: (n, n_classes), of labelled rows.
    """

    shape: Shape
    params: StudentParams
    way: Way
    start: dict[str, Tensor]
    texts: TokenTexts
    taught: Taught
    labels: Tensor
    train: np.ndarray
    unlabelled: np.ndarray
    val: np.ndarray
    predicted: tuple[np.ndarray, ...]
    goal: Goal
    seed: int


@dataclass(frozen=True)
class FittedStudent:
    """weights: of the best step. curve: (step, train loss since the last one, validation metric).

    logits: of each of the fit's `predicted`, in order.
    """

    weights: dict[str, Tensor]
    curve: list[tuple[int, float, float]]
    best_step: int
    best_metric: float
    logits: tuple[Tensor, ...]


def fit_student(fit: StudentFit) -> FittedStudent:
    """Raises InputError, naming the fit and the step, where the loss is not a finite number."""
    params = fit.params
    settle_torch(threads=1, seed=fit.seed)
    student = Student(fit.shape)
    student.load_state_dict(fit.start, strict=False)
    start_at_prevalence(student.head, fit.labels[fit.train], exclusive=fit.goal.exclusive)
    optimiser = torch.optim.AdamW(
        student.parameters(), lr=0.0, weight_decay=params.weight_decay, fused=True
    )
    known = torch.zeros(len(fit.labels), dtype=torch.bool)
    known[torch.from_numpy(fit.train)] = True
    soft = _soft(fit)
    curve, total, best = [], 0.0, (-math.inf, 0, dict[str, Tensor]())
    for step, rows in zip(range(1, params.steps + 1), _batches(fit), strict=False):
        student.train()
        rate = params.learning_rate * rate_scale(step - 1, params.steps, params.warmup_share)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss = _loss(student, fit, soft, known, rows)
        expect_finite(loss, fit.goal.name, f"step {step}")
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), params.clip_norm)
        optimiser.step()
        total += loss.item()
        if step % params.evaluate_every == 0 or step == params.steps:
            logits = student_logits(student, fit.texts, fit.val)
            metric = validation_metric(logits, fit.labels[fit.val], fit.goal)
            since = step - (curve[-1][0] if curve else 0)
            curve.append((step, total / since, metric))
            total = 0.0
            if metric > best[0]:
                kept = {name: value.clone() for name, value in student.state_dict().items()}
                best = (metric, step, kept)
    student.load_state_dict(best[2])
    logits = tuple(student_logits(student, fit.texts, rows) for rows in fit.predicted)
    return FittedStudent(best[2], curve, best[1], best[0], logits)


@torch.no_grad()
def student_logits(student: Student, texts: TokenTexts, rows: np.ndarray) -> Tensor:
    """Logits (n_rows, n_classes) in the order of `rows`."""
    student.eval()
    order = np.argsort(texts.lengths.numpy()[rows], kind="stable")
    found = torch.empty(len(rows), student.shape.n_classes)
    for part in torch.from_numpy(order).split(PREDICTED):
        found[part] = student(texts.batch(torch.from_numpy(rows)[part]))
    return found


def _loss(student: Student, fit: StudentFit, soft: Tensor, known: Tensor, rows: Tensor) -> Tensor:
    batch, weights, attention = fit.texts.batch(rows), fit.way.weights, None
    if weights.attends:
        logits, looked = student.logits_and_attention(batch)
        own = levels(looked, batch, POOLING, fit.taught.n_sections)
        attention = (fit.taught.levels(rows, batch), own)
    else:
        logits = student(batch)
    return distillation_loss(
        logits,
        fit.labels[rows],
        known[rows],
        weights,
        exclusive=fit.goal.exclusive,
        soft=soft[rows],
        attention=attention,
    )


def _soft(fit: StudentFit) -> Tensor:
    """The teacher's logits (n, n_classes), each text's own or, as a control, another one's."""
    if not fit.way.permuted:
        return fit.taught.logits
    rows = np.concatenate([fit.train, fit.unlabelled])
    soft = fit.taught.logits.clone()
    order = generator("permuted", fit.goal.name, fit.seed).permutation(len(rows))
    soft[torch.from_numpy(rows)] = fit.taught.logits[torch.from_numpy(rows[order])]
    return soft


def _batches(fit: StudentFit) -> Iterator[Tensor]:
    """Batches of rows without end; all rows once before any of them a second time."""
    used = [fit.train, fit.unlabelled] if fit.way.unlabelled else [fit.train]
    rows = torch.from_numpy(np.concatenate(used))
    order = torch.Generator().manual_seed(seed_of("student", fit.seed))
    while True:
        yield from length_bucketed(rows, fit.texts.lengths[rows], fit.params.batch_size, order)


def start_weights(student: Student, taken: list[str]) -> dict[str, Any]:
    """Of the student's weights those that its teacher gave, whole layers or embeddings."""
    parts = tuple(f"body.{name}." for name in taken)
    return {
        name: value.clone()
        for name, value in student.state_dict().items()
        if name.startswith(parts)
    }
