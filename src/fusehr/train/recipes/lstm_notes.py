"""The multi-modal LSTM: six vitals, hourly, and the newest note; joined, or combined late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from fusehr.core.cohort import TaskSamples
from fusehr.core.folds import Fold
from fusehr.core.frame.params import frozen
from fusehr.core.params.model import ModelParams, Variables
from fusehr.models.networks.fitting import predict_logits, settle_torch, start_at_prevalence
from fusehr.models.networks.inputs import modality as inputs_of
from fusehr.models.networks.inputs.note_features import load_note_features
from fusehr.models.networks.inputs.series import load_series
from fusehr.models.networks.late_fusion import Average, LateFusion, Stack, Vote
from fusehr.models.networks.lstm_notes import BranchNetwork, NotesBranch, SeriesBranch
from fusehr.train.engine.contract import Epoch, Fit, Modality, RecipeParams, Source
from fusehr.train.engine.neural import NeuralFitted, NeuralInputs, NeuralRecipe, fit_network

SHARED = (ModelParams,)


@frozen
class Params(RecipeParams):
    """Block `recipes.lstm_notes`."""

    modalities: tuple[Literal["series"], Literal["notes"]]
    variables: Variables
    combine: Literal["concat", "average", "stack", "vote"]
    layers: Annotated[int, Field(ge=1)]
    series_hidden: list[Annotated[int, Field(ge=1)]]
    notes_hidden: list[Annotated[int, Field(ge=1)]]
    hidden: list[Annotated[int, Field(ge=1)]]
    hidden_share: Annotated[float, Field(ge=0, lt=1)]
    stack_penalty: Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class LstmNotes(NeuralRecipe):
    """The recipe."""

    params: Params

    def load(self, source: Source, samples: TaskSamples, modality: Modality) -> inputs_of.Modality:
        """Hourly bins of the vitals, or what the newest note holds as one token."""
        if modality == "notes":
            kinds = self.shared.notes.kinds
            return load_note_features(source.con, samples, source.embed, kinds=kinds)
        return load_series(
            source.con,
            samples,
            variables=self.params.variables,
            hours=self.shared.hours_of(samples.task),
            clip_share=self.shared.series_clip_share,
        )

    def inputs(self, source: Source, samples: TaskSamples) -> NeuralInputs:
        """Both modalities; raises Skip where one was recorded of no sample."""
        read = super().inputs(source, samples)
        if self.params.combine == "concat":
            return read
        return LateInputs(self, samples, read.modalities)

    def network(self, widths: Mapping[str, int], n_classes: int, task: str) -> nn.Module:
        """Both branches side by side, and layers over them."""
        hidden = self.params.hidden
        return self.side_by_side(self.modalities, widths, n_classes, hidden=hidden)

    def side_by_side(
        self, names: Sequence[str], widths: Mapping[str, int], n_classes: int, *, hidden: list[int]
    ) -> BranchNetwork:
        """The branches of the named modalities, and layers of `hidden` widths over them."""
        params, dropout = self.params, self.shared.dropout
        found: list[SeriesBranch | NotesBranch] = []
        for name in names:
            if name == "series":
                found.append(
                    SeriesBranch(
                        widths[name],
                        d_model=self.shared.d_model,
                        layers=params.layers,
                        hidden=params.series_hidden,
                        dropout=dropout,
                    )
                )
            else:
                found.append(NotesBranch(widths[name], hidden=params.notes_hidden, dropout=dropout))
        return BranchNetwork(
            found, n_classes, hidden=hidden, dropout=dropout, hidden_share=params.hidden_share
        )


@dataclass(frozen=True)
class LateInputs(NeuralInputs):
    """Inputs on which each branch is trained by itself."""

    recipe: LstmNotes

    def fit(self, fit: Fit) -> LateFitted:
        """Train the branches one after the other, and combine their predictions.

        Epochs of the second are counted on from those of the first, so that both stand in one
        curve.
        """
        inputs = self.fitted(fit.fold.train)
        n_classes = len(self.samples.classes)
        trained: dict[str, NeuralFitted] = {}
        counted = _Counted(fit)
        for name in self.recipe.modalities:
            settle_torch(threads=self.recipe.shared.threads, seed=fit.seed)
            network = self.recipe.side_by_side((name,), inputs.widths, n_classes, hidden=[])
            trained[name] = fit_network(self, network, inputs, counted.branch(name))
        best = {name: one.best_epoch for name, one in trained.items()}
        network = self.combination(trained, fit.fold)
        return LateFitted(self, inputs, network, max(best.values()), best)

    def combination(self, trained: Mapping[str, NeuralFitted], fold: Fold) -> LateFusion:
        """The trained branches as one network; a stack is fitted on validation rows alone."""
        branches = {name: one.network for name, one in trained.items()}
        labels = torch.from_numpy(self.samples.labels.astype(np.float32))
        if self.recipe.params.combine == "average":
            return Average(branches, exclusive=self.exclusive)
        if self.recipe.params.combine == "vote":
            prior = nn.Linear(1, labels.shape[1])
            start_at_prevalence(prior, labels[fold.train], exclusive=self.exclusive)
            return Vote(branches, prior.bias.detach(), exclusive=self.exclusive)
        rows, size = torch.from_numpy(fold.val), self.recipe.shared.batch_size
        logits = [
            predict_logits(one.network, one.inputs, rows, batch_size=size)
            for one in trained.values()
        ]
        stack = Stack(branches, labels.shape[1], exclusive=self.exclusive)
        stack.fit(torch.stack(logits), labels[rows], penalty=self.recipe.params.stack_penalty)
        return stack


@dataclass(frozen=True)
class LateFitted(NeuralFitted):
    """Branches that were trained one by one; best_epoch is the largest of `best_epochs`."""

    best_epochs: Mapping[str, int]

    def summary(self) -> dict[str, Any]:
        """Best epoch of each branch, and the size of all."""
        return {**super().summary(), "best_epochs": dict(self.best_epochs)}


class _Counted:
    """A fit divided into branches, whose epochs are counted on."""

    def __init__(self, fit: Fit) -> None:
        self._fit, self._last = fit, 0

    def branch(self, name: str) -> Fit:
        """The fit of one branch, begun when the one before has ended."""
        start = self._last

        def log(epoch: Epoch) -> None:
            self._last = start + epoch.epoch
            self._fit.log(replace(epoch, epoch=self._last))

        return replace(self._fit, name=f"{self._fit.name}, branch {name}", log=log)


def build(params: Params, shared: ModelParams) -> LstmNotes:
    """The recipe `lstm_notes`."""
    return LstmNotes(params, shared)
