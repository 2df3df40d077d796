"""Train a module on some rows, stop early on others, keep the best epoch's weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fusehr.core.frame.errors import InputError
from fusehr.core.metrics import auroc
from fusehr.core.params.model import ModelParams

LogEpoch = Callable[[int, float, float], None]  # epoch from 1, train loss, validation metric


def settle_torch(*, threads: int, seed: int) -> None:
    """Make what follows repeatable: fixed threads, deterministic kernels only, seeded draws."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)


@torch.no_grad()
def start_at_prevalence(last: nn.Linear, labels: Tensor, *, exclusive: bool) -> None:
    """Set the last layer's bias to what predicts each class's prevalence in `labels` (n, c).

    A rare class is then not predicted far too often until the bias has been learnt, and an early
    stop leaves a calibrated model. A class that all or none have counts as half a sample.
    """
    n = len(labels)
    prevalence = labels.mean(dim=0).clamp(0.5 / n, 1 - 0.5 / n)  # (c,)
    last.bias.copy_(prevalence.log() if exclusive else prevalence.logit())


def fit_module(
    module: nn.Module,
    inputs: Sequence[Tensor],
    labels: Tensor,
    *,
    exclusive: bool,
    train: np.ndarray,
    val: np.ndarray,
    params: ModelParams,
    seed: int,
    name: str,
    log: LogEpoch,
) -> int:
    """Train `module` in place and leave it with the weights of the best epoch, which is returned.

    inputs: tensors (n_samples, ...), the module's arguments in order, indexed by row.
    labels: float32 (n_samples, n_classes); `exclusive` where each row has exactly one class.
    train, val: int64 rows. The best epoch has the highest macro AUROC on `val`, or the lowest loss
    where no class has both labels there; training stops after `params.patience` without a better.
    Raises InputError, naming the fit and the epoch, where the loss is not a finite number.
    """
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay
    )
    order = torch.Generator().manual_seed(seed)
    rows, val_rows = torch.from_numpy(train), torch.from_numpy(val)
    best_metric, best_epoch, best_weights = -np.inf, 0, {}
    for epoch in range(1, params.epochs + 1):
        module.train()
        total = 0.0
        shuffled = rows[torch.randperm(len(rows), generator=order)]
        for batch in shuffled.split(params.batch_size):
            optimiser.zero_grad()
            logits = module(*(tensor[batch] for tensor in inputs))
            loss = class_loss(logits, labels[batch], exclusive=exclusive)
            if not torch.isfinite(loss):
                raise InputError(
                    f"{name}: the loss is {loss.item()} in epoch {epoch}; "
                    "expected a finite number: try a lower learning_rate or clip_norm"
                )
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), params.clip_norm)
            optimiser.step()
            total += loss.item() * len(batch)
        logits = predict_logits(module, inputs, val_rows, batch_size=params.batch_size)
        metric = _validation_metric(logits, labels[val_rows], exclusive=exclusive)
        log(epoch, total / len(rows), metric)
        if metric > best_metric:
            best_metric, best_epoch = metric, epoch
            best_weights = {key: value.clone() for key, value in module.state_dict().items()}
        elif epoch - best_epoch >= params.patience:
            break
    module.load_state_dict(best_weights)
    return best_epoch


@torch.no_grad()
def predict_logits(
    module: nn.Module, inputs: Sequence[Tensor], rows: Tensor, *, batch_size: int
) -> Tensor:
    """Logits (n_rows, n_classes), without dropout, in the order of `rows`."""
    module.eval()
    batches = rows.split(batch_size)
    return torch.cat([module(*(tensor[batch] for tensor in inputs)) for batch in batches])


def probabilities(logits: Tensor, *, exclusive: bool) -> Tensor:
    """float64 (n, n_classes); in double, so that exclusive classes sum to 1."""
    return logits.double().softmax(dim=1) if exclusive else logits.double().sigmoid()


def class_loss(logits: Tensor, labels: Tensor, *, exclusive: bool) -> Tensor:
    """Cross-entropy over exclusive classes, or the mean binary one over independent classes."""
    if exclusive:
        return functional.cross_entropy(logits, labels)
    return functional.binary_cross_entropy_with_logits(logits, labels)


def _validation_metric(logits: Tensor, labels: Tensor, *, exclusive: bool) -> float:
    scores, truth = probabilities(logits, exclusive=exclusive).numpy(), labels.numpy()
    areas = [auroc(y, p) for y, p in zip(truth.T, scores.T, strict=True) if 0 < y.sum() < len(y)]
    if areas:
        return float(np.mean(areas))
    return -class_loss(logits, labels, exclusive=exclusive).item()
