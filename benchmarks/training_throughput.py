"""Training: samples per second of every neural recipe, beside a plain PyTorch loop.

    python benchmarks/training_throughput.py [recipe ...]

Both train the same network from the same weights for one epoch, with the same optimiser, on the
default run's data. The plain loop is what one writes first: a Dataset that gives one sample, a
collate function that pads to the longest of the batch, a DataLoader, float32. Of ours, the share
of time that is spent outside of forward, backward and the optimiser's step is printed too, and how
the time of an epoch grows with the number of samples.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from fusehr.core.cohort import load_rounds, load_task
from fusehr.core.folds import fold_rows
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.core.params.model import ModelParams
from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.fitting import Goal, class_loss, fit_module, settle_torch
from fusehr.models.networks.inputs.modality import FittedInputs
from fusehr.train.engine.contract import Source
from fusehr.train.engine.neural import NeuralInputs, NeuralRecipe
from fusehr.train.engine.registry import load_job
from fusehr.train.engine.task import ROWS

TABLES = Path("data/tables")
TASK: Task = "readmission"
RECIPES = ("lstm_vitals", "emerge", "bia_fusion", "triage_fusion")
GROWTH = (1, 4, 16)
BASE = 256  # samples of the smallest epoch whose growth is measured


@dataclass(frozen=True)
class Case:
    """One recipe's network and inputs, ready to be trained."""

    network: nn.Module
    inputs: FittedInputs
    train: np.ndarray
    params: ModelParams

    def fresh(self) -> nn.Module:
        """The network with its first weights."""
        return copy.deepcopy(self.network)


def read(recipe: str) -> Case:
    """The recipe on one task of the default run's data."""
    job = load_job(recipe, stage_params(f"train@{recipe}"))
    assert isinstance(job.recipe, NeuralRecipe), recipe
    samples = load_task(TABLES, TASK)
    (fold,) = fold_rows(samples, load_rounds(TABLES))
    with open_tables(TABLES, job.recipe.tables, threads=1) as con:
        con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
        read = job.recipe.inputs(Source(con, TABLES, 1), samples)
    assert isinstance(read, NeuralInputs)
    inputs = read.fitted(fold.train)
    settle_torch(threads=1, seed=0)
    network = read.recipe.network(inputs.widths, len(samples.classes), TASK)
    return Case(network, inputs, fold.train, replace(job.recipe.shared, epochs=1))


class Timed:
    """Calls of a function, with the seconds that they took together."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *args: object, **kwargs: object) -> object:
        begin = time.perf_counter()
        found = self.function(*args, **kwargs)
        self.seconds += time.perf_counter() - begin
        return found


def ours(case: Case, rows: np.ndarray) -> tuple[float, float]:
    """Seconds of one epoch, and those spent outside of forward, backward and step."""
    network = case.fresh()
    forward = Timed(network.forward)
    network.forward = forward  # type: ignore[method-assign]
    backward, step = Timed(Tensor.backward), Timed(torch.optim.AdamW.step)
    clip = Timed(nn.utils.clip_grad_norm_)
    saved = Tensor.backward, torch.optim.AdamW.step, nn.utils.clip_grad_norm_
    Tensor.backward = lambda self, *a, **k: backward(self, *a, **k)  # type: ignore[method-assign]
    torch.optim.AdamW.step = lambda self, *a, **k: step(self, *a, **k)  # type: ignore[method-assign]
    nn.utils.clip_grad_norm_ = clip  # type: ignore[assignment]
    try:
        begin = time.perf_counter()
        fit_module(
            network,
            case.inputs,
            Goal(False, "auroc", "benchmark"),
            train=rows,
            val=rows[:2],
            params=case.params,
            seed=0,
            log=lambda *_: None,
        )
        total = time.perf_counter() - begin
    finally:
        Tensor.backward, torch.optim.AdamW.step, nn.utils.clip_grad_norm_ = saved
    inside = forward.seconds + backward.seconds + step.seconds + clip.seconds
    return total, total - inside


class Samples(Dataset):
    """One sample at a time, as tokens without padding."""

    def __init__(self, inputs: FittedInputs, rows: np.ndarray) -> None:
        self.inputs, self.rows = inputs, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, k: int) -> tuple[dict[str, Tensor], Tensor]:
        row = torch.tensor([int(self.rows[k])])
        tokens = {
            name: one.values[0][: int(one.lengths[0])]
            for name, one in self.inputs.batch(row).tokens.items()
        }
        return tokens, self.inputs.labels[row[0]]


def collate(samples: list[tuple[dict[str, Tensor], Tensor]]) -> tuple[Batch, Tensor]:
    """Pad each modality to the longest of the batch."""
    tokens: dict[str, Tokens] = {}
    for name in samples[0][0]:
        of_all = [sample[name] for sample, _ in samples]
        lengths = torch.tensor([len(one) for one in of_all])
        values = pad_sequence(of_all, batch_first=True)
        if values.shape[1] == 0:
            values = values.new_zeros((values.shape[0], 1, *values.shape[2:]))
        tokens[name] = Tokens(values, torch.arange(values.shape[1]) < lengths[:, None])
    return Batch(tokens), torch.stack([label for _, label in samples])


def plain(case: Case, rows: np.ndarray) -> float:
    """Seconds of one epoch of the loop that one writes first."""
    network = case.fresh()
    optimiser = torch.optim.AdamW(network.parameters(), lr=case.params.learning_rate)
    torch.manual_seed(0)
    loader = DataLoader(
        Samples(case.inputs, rows), case.params.batch_size, shuffle=True, collate_fn=collate
    )
    begin = time.perf_counter()
    network.train()
    for batch, labels in loader:
        optimiser.zero_grad()
        loss = class_loss(network(batch), labels, exclusive=False)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), case.params.clip_norm)
        optimiser.step()
    return time.perf_counter() - begin


def report(recipe: str) -> None:
    """Print one recipe's lines; the best of three runs each, by turns."""
    case = read(recipe)
    rows = case.train
    ours(case, rows[:BASE])  # the first run builds kernels
    runs = [(ours(case, rows), plain(case, rows)) for _ in range(3)]
    total, outside = min((run for run, _ in runs), key=lambda run: run[0])
    beside = min(seconds for _, seconds in runs)
    print(
        f"{recipe}: {len(rows) / total:,.0f} samples/s, plain loop {len(rows) / beside:,.0f}, "
        f"{beside / total:.1f} times as fast; outside forward, backward and step "
        f"{100 * outside / total:.1f} %"
    )
    base = np.resize(rows, BASE)
    times = [min(ours(case, np.tile(base, n))[0] for _ in range(2)) for n in GROWTH]
    grown = ", ".join(
        f"{n}x {seconds / n / times[0]:.2f}" for n, seconds in zip(GROWTH, times, strict=True)
    )
    print(f"{recipe}: time a sample of an epoch of {BASE} samples, and of more: {grown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    for recipe in parser.parse_args().recipes:
        report(recipe)


if __name__ == "__main__":
    main()
