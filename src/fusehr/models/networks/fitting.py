"""Train a module on some rows, stop early on others, keep the best epoch's weights."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fusehr.core.frame.errors import InputError
from fusehr.core.metrics import auprc, auroc
from fusehr.core.params.model import Dtype, ModelParams
from fusehr.models.networks.inputs.modality import FittedInputs

BUCKET = 16  # batches whose samples are sorted by length together


class DivergedError(InputError):
    """The loss is no finite number: the parameters of the optimisation are at fault."""


LogEpoch = Callable[[int, float, float], None]  # epoch from 1, train loss, validation metric


def settle_torch(*, threads: int, seed: int) -> None:
    """Make what follows repeatable: fixed threads, deterministic kernels only, seeded draws."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # new memory is not filled before a kernel writes all of it, which takes a tenth of the time
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


def reduced(dtype: Dtype) -> torch.autocast:
    """Compute what follows in `dtype` where that loses little; weights stay float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")


@torch.no_grad()
def start_at_prevalence(last: nn.Linear, labels: Tensor, *, exclusive: bool) -> None:
    """Set the last layer's bias to what predicts each class's prevalence in `labels` (n, c).

    A rare class is then not predicted far too often until the bias has been learnt, and an early
    stop leaves a calibrated model. A class that all or none have counts as half a sample.
    """
    n = len(labels)
    prevalence = labels.mean(dim=0).clamp(0.5 / n, 1 - 0.5 / n)  # (c,)
    last.bias.copy_(prevalence.log() if exclusive else prevalence.logit())


@dataclass(frozen=True)
class Goal:
    """What a fit is after.

    exclusive: each sample has exactly one class. selection: the metric, macro over classes, by
    which the best epoch is chosen on validation rows. name: of the fit, in messages.
    """

    exclusive: bool
    selection: Literal["auroc", "auprc"]
    name: str


def fit_module(
    module: nn.Module,
    inputs: FittedInputs,
    goal: Goal,
    *,
    train: np.ndarray,
    val: np.ndarray,
    params: ModelParams,
    seed: int,
    log: LogEpoch,
) -> int:
    """Train `module` in place and leave it with the weights of the best epoch, which is returned.

    module: of a Batch, gives logits (b, n_classes); it trains in `params.dtype`. train, val: int64
    rows of `inputs`. Where no class has both labels among `val`, the best epoch is that of the
    lowest loss there; training stops after `params.patience` without a better. Raises
    DivergedError, naming the fit and the epoch, where the loss is not a finite number.
    """
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
    )
    order = torch.Generator().manual_seed(seed)
    rows, val_rows = torch.from_numpy(train), torch.from_numpy(val)
    best_metric, best_epoch, best_weights = -np.inf, 0, {}
    for epoch in range(1, params.epochs + 1):
        module.train()
        total = 0.0
        batches = length_bucketed(rows, inputs.lengths[rows], params.batch_size, order)
        for batch in batches:
            optimiser.zero_grad()
            with reduced(params.dtype):
                logits = module(inputs.batch(batch)).float()
            loss = class_loss(logits, inputs.labels[batch], exclusive=goal.exclusive)
            expect_finite(loss, goal.name, f"epoch {epoch}")
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), params.clip_norm)
            optimiser.step()
            total += loss.item() * len(batch)
        logits = predict_logits(module, inputs, val_rows, batch_size=params.batch_size)
        metric = validation_metric(logits, inputs.labels[val_rows], goal)
        log(epoch, total / len(rows), metric)
        if metric > best_metric:
            best_metric, best_epoch = metric, epoch
            best_weights = {key: value.clone() for key, value in module.state_dict().items()}
        elif epoch - best_epoch >= params.patience:
            break
    module.load_state_dict(best_weights)
    return best_epoch


def expect_finite(loss: Tensor, fit: str, when: str) -> None:
    """Raise DivergedError, naming the fit and `when`, unless the loss is a finite number."""
    if not torch.isfinite(loss):
        raise DivergedError(
            f"{fit}: the loss is {loss.item()} in {when}; "
            "expected a finite number: try a lower learning_rate or clip_norm"
        )


def length_bucketed(
    rows: Tensor, lengths: Tensor, batch_size: int, order: torch.Generator
) -> list[Tensor]:
    """`rows` (n,) in random batches of samples of about the same length, so that little is padding.

    lengths: int64 (n,), of the same samples. Rows are shuffled, cut into pools of BUCKET batches,
    sorted by length inside each, and the batches shuffled. A last batch of one row joins another,
    as no statistic can be taken over it.
    """
    shuffled = torch.randperm(len(rows), generator=order)
    batches: list[Tensor] = []
    for pool in shuffled.split(batch_size * BUCKET):
        by_length = pool[torch.argsort(lengths[pool], stable=True)]
        batches += by_length.split(batch_size)
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return [rows[batches[k]] for k in torch.randperm(len(batches), generator=order)]


@torch.no_grad()
def predict_logits(
    module: nn.Module,
    inputs: FittedInputs,
    rows: Tensor,
    *,
    batch_size: int,
    without: Collection[str] = (),
) -> Tensor:
    """Logits (n_rows, n_classes), without dropout, in the order of `rows`.

    without: modalities that are taken as not recorded.
    """
    module.eval()
    return torch.cat(
        [module(inputs.batch(batch).without(without)) for batch in rows.split(batch_size)]
    )


def probabilities(logits: Tensor, *, exclusive: bool) -> Tensor:
    """float64 (n, n_classes); in double, so that exclusive classes sum to 1."""
    return logits.double().softmax(dim=1) if exclusive else logits.double().sigmoid()


def class_loss(logits: Tensor, labels: Tensor, *, exclusive: bool) -> Tensor:
    """Cross-entropy over exclusive classes, or the mean binary one over independent classes."""
    if exclusive:
        return functional.cross_entropy(logits, labels)
    return functional.binary_cross_entropy_with_logits(logits, labels)


def validation_metric(logits: Tensor, labels: Tensor, goal: Goal) -> float:
    """The selection metric, macro over classes with both labels; minus the loss where none has."""
    scores, truth = probabilities(logits, exclusive=goal.exclusive).numpy(), labels.numpy()
    metric = {"auroc": auroc, "auprc": auprc}[goal.selection]
    values = [metric(y, p) for y, p in zip(truth.T, scores.T, strict=True) if 0 < y.sum() < len(y)]
    if values:
        return float(np.mean(values))
    return -class_loss(logits, labels, exclusive=goal.exclusive).item()
