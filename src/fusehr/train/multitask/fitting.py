"""Train one network on several tasks by turns; each task keeps the epoch that is best for it.

Or the last one, where no validation rows are left to tell: the learning rate has fallen to nothing
by then, so that it is seldom far from the best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fusehr.core.frame.tasks import Task
from fusehr.core.params.model import Dtype
from fusehr.models.networks.fitting import (
    Goal,
    class_loss,
    expect_finite,
    length_bucketed,
    reduced,
    start_at_prevalence,
    validation_metric,
)
from fusehr.models.networks.inputs.modality import FittedInputs
from fusehr.models.networks.multitask import MultiTaskNetwork

LogTask = Callable[[Task, int, float, float], None]  # epoch from 1, train loss, validation metric
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast, and what counts how much.

    most_samples: of a task in an epoch, drawn anew in each, so that the task with most windows does
    not outweigh the others. multilabel_weight: what the mean loss over labels is multiplied by.
    dtype: in which the network computes while it trains.
    The learning rate rises to `learning_rate` and falls to nothing (one cycle: Smith 2018).
    """

    epochs: int
    learning_rate: float
    weight_decay: float
    batch_size: int
    clip_norm: float
    most_samples: int
    multilabel_weight: float
    dtype: Dtype


@dataclass(frozen=True)
class TaskFit:
    """A task's inputs and rows; none in `val` where the last epoch is to be kept."""

    inputs: FittedInputs
    goal: Goal
    train: np.ndarray
    val: np.ndarray

    @property
    def multilabel(self) -> bool:
        """Several labels at once."""
        return not self.goal.exclusive and self.inputs.labels.shape[1] > 1


def fit_together(
    network: MultiTaskNetwork,
    tasks: Mapping[Task, TaskFit],
    schedule: Schedule,
    *,
    seed: int,
    log: LogTask,
) -> dict[Task, tuple[int, Weights]]:
    """For each task the best epoch on its validation rows, or the last one where it has none, and
    the whole network's weights there.

    Raises InputError, naming the fit and the epoch, where a loss is not a finite number.
    """
    for task, one in tasks.items():
        last = network.last[task]
        assert isinstance(last, nn.Linear)
        labels = one.inputs.labels[torch.from_numpy(one.train)]
        start_at_prevalence(last, labels, exclusive=one.goal.exclusive)
    optimiser = torch.optim.AdamW(
        network.parameters(),
        lr=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
        fused=True,
    )
    order = torch.Generator().manual_seed(seed)
    used: dict[Task, int] = {
        task: min(len(one.train), schedule.most_samples) for task, one in tasks.items()
    }
    steps = sum(-(-n // schedule.batch_size) for n in used.values()) * schedule.epochs
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.learning_rate, total_steps=steps + 1
    )
    best: dict[Task, tuple[float, int, Weights]] = {}
    for epoch in range(1, schedule.epochs + 1):
        losses = _epoch(network, tasks, used, schedule, optimiser, cycle, order, epoch)
        network.eval()
        state: Weights | None = None
        for task, one in tasks.items():
            if not len(one.val):
                continue
            rows = torch.from_numpy(one.val)
            logits = task_logits(network, one.inputs, task, rows, batch_size=schedule.batch_size)
            metric = validation_metric(logits, one.inputs.labels[rows], one.goal)
            log(task, epoch, losses[task], metric)
            if task not in best or metric > best[task][0]:
                state = state or {k: v.clone() for k, v in network.state_dict().items()}
                best[task] = (metric, epoch, state)
    final = {k: v.clone() for k, v in network.state_dict().items()}
    return {task: best[task][1:] if task in best else (schedule.epochs, final) for task in tasks}


def _epoch(
    network: MultiTaskNetwork,
    tasks: Mapping[Task, TaskFit],
    used: Mapping[Task, int],
    schedule: Schedule,
    optimiser: torch.optim.Optimizer,
    cycle: torch.optim.lr_scheduler.LRScheduler,
    order: torch.Generator,
    epoch: int,
) -> dict[Task, float]:
    """One pass over the tasks' batches in random order; mean train loss of each task."""
    network.train()
    batches: list[tuple[Task, Tensor]] = []
    for task, one in tasks.items():
        rows = torch.from_numpy(one.train)
        rows = rows[torch.randperm(len(rows), generator=order)[: used[task]]]
        lengths = one.inputs.lengths[rows]
        for batch in length_bucketed(rows, lengths, schedule.batch_size, order):
            batches.append((task, batch))
    total = dict.fromkeys(tasks, 0.0)
    for k in torch.randperm(len(batches), generator=order).tolist():
        task, batch = batches[k]
        one = tasks[task]
        optimiser.zero_grad()
        with reduced(schedule.dtype):
            logits = network(one.inputs.batch(batch), task).float()
        loss = class_loss(logits, one.inputs.labels[batch], exclusive=one.goal.exclusive)
        expect_finite(loss, one.goal.name, f"epoch {epoch}")
        (loss * (schedule.multilabel_weight if one.multilabel else 1.0)).backward()
        nn.utils.clip_grad_norm_(network.parameters(), schedule.clip_norm)
        optimiser.step()
        cycle.step()
        total[task] += loss.item() * len(batch)
    return {task: total[task] / used[task] for task in tasks}


@torch.no_grad()
def task_logits(
    network: MultiTaskNetwork,
    inputs: FittedInputs,
    task: Task,
    rows: Tensor,
    *,
    batch_size: int,
    without: tuple[str, ...] = (),
) -> Tensor:
    """Logits (n_rows, n_classes) of `task`, without dropout; `without`: modalities withheld."""
    network.eval()
    return torch.cat(
        [network(inputs.batch(batch).without(without), task) for batch in rows.split(batch_size)]
    )
