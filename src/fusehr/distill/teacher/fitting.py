"""Fit one teacher: adapters and head, by AdamW with a warm-up and a cosine, then half of a period.

After each epoch everything that goes on is kept outside the workspace, so that a killed run goes on
where it was. Random draws are seeded by fit and epoch, so what comes of it is the same.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fusehr.core.frame.errors import InputError
from fusehr.core.params.distill import TeacherParams
from fusehr.core.seeding import seed_of
from fusehr.distill.schedule import rate_scale
from fusehr.distill.teacher.kept import KeptHidden, by_tokens
from fusehr.models.distilled.teacher import Source, Teacher
from fusehr.models.distilled.tokens import TokenTexts
from fusehr.models.networks.fitting import (
    Goal,
    class_loss,
    expect_finite,
    length_bucketed,
    settle_torch,
    start_at_prevalence,
    validation_metric,
)

PREDICTED_TOKENS = 4096


@dataclass(frozen=True)
class TeacherFit:
    """All that one fit needs; passed to a process of its own.

    train, val: rows of `texts`, int64; val may be empty, then no metric is logged. stem: where the
    weights are written. checkpoint: a file outside the workspace.
    """

    source: Source
    params: TeacherParams
    texts: TokenTexts
    kept: KeptHidden | None
    labels: Tensor
    train: np.ndarray
    val: np.ndarray
    goal: Goal
    stem: Path
    checkpoint: Path
    threads: int


@dataclass(frozen=True)
class Epoch:
    """A point of the training curve; val_metric is nan where nothing was held out."""

    epoch: int
    train_loss: float
    val_metric: float


def fit_teacher(fit: TeacherFit) -> list[Epoch]:
    """Fit, write `<stem>.safetensors`, return the curve.

    Raises InputError, naming the fit and the epoch, where the loss is not a finite number.
    """
    params = fit.params
    settle_torch(threads=fit.threads, seed=seed_of("teacher", fit.goal.name, params.seed))
    device = torch_device(params.device)
    teacher = Teacher(fit.source, fit.labels.shape[1], params)
    start_at_prevalence(teacher.head, fit.labels[fit.train], exclusive=fit.goal.exclusive)
    teacher.to(device)
    optimiser = _optimiser(teacher, params)
    curve = _resume(fit.checkpoint, teacher, optimiser)
    for epoch in range(len(curve) + 1, params.epochs + 1):
        loss = _epoch(fit, teacher, optimiser, epoch, device)
        metric = math.nan
        if len(fit.val):
            logits = teacher_logits(teacher, fit.texts, fit.val, fit.kept)
            metric = validation_metric(logits, fit.labels[fit.val], fit.goal)
        curve.append(Epoch(epoch, loss, metric))
        _keep(fit.checkpoint, teacher, optimiser, curve)
    fit.stem.parent.mkdir(parents=True, exist_ok=True)
    teacher.save(fit.stem)
    return curve


def torch_device(asked: str) -> torch.device:
    """`auto` is a GPU where there is one; InputError where `cuda` is asked for in vain."""
    if asked == "cuda" and not torch.cuda.is_available():
        raise InputError("params.yaml: distill.teacher.device: expected a CUDA device, found none")
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")


def fits_at_once(params: TeacherParams) -> int:
    """A GPU has one fit at a time, a processor one a thread."""
    return params.threads if torch_device(params.device).type == "cpu" else 1


@torch.no_grad()
def teacher_logits(
    teacher: Teacher, texts: TokenTexts, rows: np.ndarray, kept: KeptHidden | None
) -> Tensor:
    """Logits (n_rows, n_classes) in the order of `rows`."""
    teacher.eval()
    device = teacher.head.weight.device
    found = torch.empty(len(rows), teacher.head.out_features)
    lengths = texts.lengths.numpy()
    order = np.argsort(lengths[rows], kind="stable")
    done = 0
    for part in by_tokens(rows[order], lengths, PREDICTED_TOKENS):
        chosen = torch.from_numpy(part)
        hidden = None if kept is None else kept.batch(chosen).to(device)
        logits = teacher(texts.batch(chosen).to(device), hidden)
        found[torch.from_numpy(order[done : done + len(part)])] = logits.float().cpu()
        done += len(part)
    return found


def _epoch(
    fit: TeacherFit,
    teacher: Teacher,
    optimiser: torch.optim.Optimizer,
    epoch: int,
    device: torch.device,
) -> float:
    params = fit.params
    teacher.train()
    seed = seed_of("teacher", fit.goal.name, params.seed, epoch)
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    rows = torch.from_numpy(fit.train)
    batches = length_bucketed(rows, fit.texts.lengths[rows], params.batch_size, order)
    groups = [
        batches[k : k + params.accumulation] for k in range(0, len(batches), params.accumulation)
    ]
    total, n_steps = 0.0, len(groups) * params.epochs
    for number, group in enumerate(groups):
        _set_rate(optimiser, (epoch - 1) * len(groups) + number, n_steps, params.warmup_share)
        optimiser.zero_grad()
        size = sum(len(chosen) for chosen in group)
        for chosen in group:
            hidden = None if fit.kept is None else fit.kept.batch(chosen).to(device)
            logits = teacher(fit.texts.batch(chosen).to(device), hidden).float()
            labels = fit.labels[chosen].to(device)
            loss = class_loss(logits, labels, exclusive=fit.goal.exclusive)
            expect_finite(loss, fit.goal.name, f"epoch {epoch}")
            (loss * len(chosen) / size).backward()
            total += loss.item() * len(chosen)
        nn.utils.clip_grad_norm_(_changing(teacher), params.clip_norm)
        optimiser.step()
    return total / len(rows)


def _changing(teacher: Teacher) -> list[nn.Parameter]:
    return [parameter for parameter in teacher.parameters() if parameter.requires_grad]


def _optimiser(teacher: Teacher, params: TeacherParams) -> torch.optim.Optimizer:
    of_head = list(teacher.head.parameters())
    known = {id(parameter) for parameter in of_head}
    adapters = [parameter for parameter in _changing(teacher) if id(parameter) not in known]
    groups: list[dict[str, Any]] = [{"params": of_head, "peak": params.head_learning_rate}]
    if adapters:
        groups.append({"params": adapters, "peak": params.learning_rate})
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=params.weight_decay)


def _set_rate(optimiser: torch.optim.Optimizer, step: int, steps: int, warmup: float) -> None:
    scale = rate_scale(step, steps, warmup)
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * scale


def _keep(
    path: Path, teacher: Teacher, optimiser: torch.optim.Optimizer, curve: list[Epoch]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    points = [[point.epoch, point.train_loss, point.val_metric] for point in curve]
    state = {"learnt": teacher.learnt(), "optimiser": optimiser.state_dict(), "curve": points}
    torch.save(state, partial)
    partial.replace(path)


def _resume(path: Path, teacher: Teacher, optimiser: torch.optim.Optimizer) -> list[Epoch]:
    """Go on from the last epoch that was kept; an empty curve where there is none."""
    if not path.is_file():
        return []
    state = torch.load(path, weights_only=True)
    teacher.take(state["learnt"])
    optimiser.load_state_dict(state["optimiser"])
    return [Epoch(*point) for point in state["curve"]]
