"""Recipes that are networks over modalities: read, fit on train rows, stop early, predict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from fusehr.core.cohort import TaskSamples
from fusehr.core.params.model import ModelParams
from fusehr.models.networks.fitting import (
    Goal,
    fit_module,
    predict_logits,
    probabilities,
    settle_torch,
    start_at_prevalence,
)
from fusehr.models.networks.inputs import modality as inputs_of
from fusehr.models.networks.inputs.modality import FittedInputs
from fusehr.train.engine.contract import Epoch, Fit, Modality, RecipeParams, Skip, Source

# Tables that the gate reads for a modality; vectors and facts were made from gated tables.
READ: Mapping[Modality, tuple[str, ...]] = {
    "series": ("dynamic",),
    "codes": ("visits",),
    "indicators": (),
    "notes": ("notes",),
    "findings": (),
    "summary": (),
    "relations": (),
    "images": ("images",),
}


@dataclass(frozen=True)
class NeuralRecipe(ABC):
    """A network over named modalities. A recipe says how each is read, and what the network is."""

    params: RecipeParams
    shared: ModelParams
    slow = True

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """As configured."""
        return self.params.modalities

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that its modalities are read from."""
        read = {table for modality in self.modalities for table in READ[modality]}
        return ("samples", *sorted(read))

    @abstractmethod
    def load(self, source: Source, samples: TaskSamples, modality: Modality) -> inputs_of.Modality:
        """One modality of all samples of the task."""

    @abstractmethod
    def network(self, widths: Mapping[str, int], n_classes: int, task: str) -> nn.Module:
        """Of a Batch, gives logits (b, n_classes). Its last layer is `last`, an nn.Linear.

        widths: of a token of each modality.
        """

    def inputs(self, source: Source, samples: TaskSamples) -> NeuralInputs:
        """All modalities; raises Skip where one was recorded of no sample."""
        read = {name: self.load(source, samples, name) for name in self.modalities}
        for name, modality in read.items():
            if not modality.present.any():
                raise Skip(f"needs {name}: the source has none for this task")
        return NeuralInputs(self, samples, read)


@dataclass(frozen=True)
class NeuralInputs:
    """Modalities of one task's samples; nothing in them is fitted."""

    recipe: NeuralRecipe
    samples: TaskSamples
    modalities: Mapping[str, inputs_of.Modality]

    @property
    def exclusive(self) -> bool:
        """Each sample has exactly one class."""
        return self.samples.kind == "multiclass"

    def fitted(self, train: np.ndarray) -> FittedInputs:
        """In the form that networks see, with what the rows `train` tell.

        Raises Skip where a modality was recorded of none of them.
        """
        for name, modality in self.modalities.items():
            if not modality.present[train].any():
                raise Skip(f"needs {name}: the train fold has none for this task")
        return FittedInputs(
            {name: modality.fit(train) for name, modality in self.modalities.items()},
            torch.from_numpy(self.samples.labels.astype(np.float32)),
        )

    def fit(self, fit: Fit) -> NeuralFitted:
        """Train the recipe's network, keep the epoch that is best on validation rows."""
        inputs = self.fitted(fit.fold.train)
        shared = self.recipe.shared
        settle_torch(threads=shared.threads, seed=fit.seed)
        n_classes = len(self.samples.classes)
        network = self.recipe.network(inputs.widths, n_classes, self.samples.task)
        return fit_network(self, network, inputs, fit)


def fit_network(
    of: NeuralInputs, network: nn.Module, inputs: FittedInputs, fit: Fit
) -> NeuralFitted:
    """Train `network` in place of the recipe's own; see NeuralInputs.fit."""
    shared = of.recipe.shared
    last = network.get_submodule("last")
    assert isinstance(last, nn.Linear)
    start_at_prevalence(last, inputs.labels[fit.fold.train], exclusive=of.exclusive)
    best_epoch = fit_module(
        network,
        inputs,
        Goal(of.exclusive, shared.selection_of(of.samples.task), fit.name),
        train=fit.fold.train,
        val=fit.fold.val,
        params=shared,
        seed=fit.seed,
        log=lambda epoch, loss, metric: fit.log(Epoch(epoch, loss, metric)),
    )
    return NeuralFitted(of, inputs, network, best_epoch)


@dataclass(frozen=True)
class NeuralFitted:
    """A trained network and the inputs that it was fitted with."""

    of: NeuralInputs
    inputs: FittedInputs
    network: nn.Module
    best_epoch: int

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        """Probabilities float64 (n_rows, n_classes)."""
        logits = predict_logits(
            self.network,
            self.inputs,
            torch.from_numpy(rows),
            batch_size=self.of.recipe.shared.batch_size,
            without=without,
        )
        return probabilities(logits, exclusive=self.of.exclusive).numpy()

    def explain(self, rows: np.ndarray, *, most: int, steps: int) -> Any:
        """Attention, attributions and maps of the samples at `rows` that have most modalities."""
        from fusehr.train.engine.explanations import explain_fit

        held = sum((one.lengths[rows] > 0).long() for one in self.inputs.modalities.values())
        order = np.argsort(-np.asarray(held), kind="stable")[:most]
        return explain_fit(self, np.sort(rows[order]), steps=steps)

    def save(self, stem: Path) -> None:
        """Weights, and what was fitted of the inputs, as safetensors."""
        state = {**self.network.state_dict(), **self.inputs.state()}
        save_file({k: v.contiguous() for k, v in state.items()}, stem.with_suffix(".safetensors"))

    def summary(self) -> dict[str, Any]:
        """Best epoch, and the size of the network."""
        size = sum(parameter.numel() for parameter in self.network.parameters())
        return {"best_epoch": self.best_epoch, "parameters": size}
