"""Fit a module on the findings of the pool's train part, keep the epoch best on the rest."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import FINDINGS
from fusehr.core.metrics import auroc
from fusehr.core.params.images import ImageParams
from fusehr.train.images.pool import Pool

PREDICTED = 256  # films at once in evaluation


def fit_findings(module: nn.Module, inputs: Tensor, pool: Pool, params: ImageParams) -> int:
    """Train `module` in place, leave it with the weights of the best epoch, which is returned.

    module: of rows of `inputs` (n, ...), gives logits (b, n_findings). AdamW in one cycle (Smith &
    Topin, Super-convergence, 2018) over all epochs; the best has the lowest loss on the hold-out.
    Raises InputError, naming the epoch, where a loss is not a finite number.
    """
    batches = max(1, len(pool.train) // params.batch_size)
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, params.learning_rate, total_steps=params.epochs * batches
    )
    order = torch.Generator().manual_seed(params.seed)
    best_loss, best_epoch, best_weights = math.inf, 0, {}
    for epoch in tqdm(range(1, params.epochs + 1), desc="findings", unit="epoch", disable=None):
        module.train()
        # what is left behind the last whole batch waits for another epoch's order
        shuffled = pool.train[torch.randperm(len(pool.train), generator=order)]
        for rows in shuffled.split(params.batch_size)[:batches]:
            optimiser.zero_grad()
            loss = known_loss(module(inputs[rows]), pool.labels[rows], pool.known[rows])
            loss.backward()
            optimiser.step()
            schedule.step()
        logits = predicted(module, inputs[pool.holdout])
        held = known_loss(logits, pool.labels[pool.holdout], pool.known[pool.holdout]).item()
        if not math.isfinite(held):
            raise InputError(
                f"train-images: the loss is {held} in epoch {epoch}; expected a finite number: "
                "try a lower train.images.learning_rate"
            )
        if held < best_loss:
            best_loss, best_epoch = held, epoch
            best_weights = {key: value.clone() for key, value in module.state_dict().items()}
    module.load_state_dict(best_weights)
    return best_epoch


def known_loss(logits: Tensor, labels: Tensor, known: Tensor) -> Tensor:
    """Mean binary cross-entropy over what is known; all (n, n_findings)."""
    each = binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


@torch.no_grad()
def predicted(module: nn.Module, inputs: Tensor) -> Tensor:
    """What `module` gives in evaluation mode of `inputs` (n, ...), some at a time."""
    module.eval()
    return torch.cat([module(some) for some in inputs.split(PREDICTED)])


def auroc_by_finding(logits: Tensor, pool: Pool) -> dict[str, float | None]:
    """AUROC on the hold-out over the films of which a finding is known; None: of one kind only.

    logits: (n, n_findings), of all films. The epoch was chosen on the hold-out, so these flatter
    a little.
    """
    found: dict[str, float | None] = {}
    for column, name in enumerate(FINDINGS):
        rows = pool.holdout[pool.known[pool.holdout, column] > 0]
        labels = pool.labels[rows, column].numpy()
        value = float(auroc(labels, logits[rows, column].numpy()))
        found[name] = None if np.isnan(value) else round(value, 4)
    return found
