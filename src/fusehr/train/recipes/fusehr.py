"""Our own recipe: networks that learn all tasks together, and boosted trees, averaged.

Each network reads the hourly series and its aggregates, what notes assert, what the graph tells,
earlier codes and vectors of chest images; each modality is narrowed to a few numbers that all tasks
share, so that the rare outcome of one task is helped by the frequent one of another. Networks of
several starts are averaged (deep ensemble: Lakshminarayanan et al., NeurIPS 2017), then averaged
with boosting of several starts on the same aggregates: the two err on different samples.

One network and one boosting are fitted on train patients and stop as validation patients tell;
they alone predict these. The others are then fitted on both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.core.frame.tasks import Task
from fusehr.core.params.model import ModelParams, Variables
from fusehr.core.params.train import TabularParams
from fusehr.models.networks.fitting import Goal, settle_torch
from fusehr.models.networks.inputs.modality import FittedInputs
from fusehr.models.networks.inputs.series import load_series
from fusehr.models.networks.multitask import MultiTaskNetwork, Sizes
from fusehr.train.engine.contract import (
    Epoch,
    Fit,
    Fitted,
    Modality,
    RecipeParams,
    Source,
    TaskInputs,
)
from fusehr.train.multitask.fitting import Schedule, TaskFit, fit_together, task_logits
from fusehr.train.multitask.inputs import TaskModalities, fit_common, fitted_inputs, withheld
from fusehr.train.tabular.boosting import Boosted, BoostingParams, fit_boosting
from fusehr.train.tabular.matrix import TABLES, build_matrix

SHARED = (ModelParams, TabularParams)

COLUMNS: tuple[Modality, ...] = ("series", "codes", "findings", "relations", "images")
DIRECT = ("codes",)  # a phenotype coded before is the best single hint at itself

Share = Annotated[float, Field(ge=0, lt=1)]


@frozen
class NetworkParams:
    """Block `recipes.fusehr.network`."""

    members: Annotated[int, Field(ge=1)]
    share: Annotated[float, Field(ge=0, le=1)]
    bottleneck: Annotated[int, Field(ge=1)]
    series_bottleneck: Annotated[int, Field(ge=1)]
    input_dropout: Share
    hidden_share: Share
    epochs: Annotated[int, Field(ge=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    most_samples: Annotated[int, Field(ge=1)]
    multilabel_weight: Annotated[float, Field(gt=0)]


@frozen
class Params(RecipeParams):
    """Block `recipes.fusehr`."""

    modalities: Annotated[tuple[Modality, ...], Field(min_length=1)]
    variables: Variables
    network: NetworkParams
    boosting: BoostingParams


@dataclass(frozen=True)
class Fusehr:
    """The recipe."""

    params: Params
    shared: ModelParams
    tabular: TabularParams
    tables: tuple[str, ...] = TABLES

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """As configured."""
        return self.params.modalities

    def inputs(self, source: Source, samples: TaskSamples) -> _Inputs:
        """Columns, hourly bins and image vectors of every sample."""
        matrix = build_matrix(
            source,
            samples,
            modalities=self.modalities,
            recent_hours=self.tabular.recent_of(samples.task),
        )
        series = None
        if "series" in self.modalities:
            series = load_series(
                source.con,
                samples,
                variables=self.params.variables,
                hours=self.shared.hours_of(samples.task),
                clip_share=self.shared.series_clip_share,
            )
        return _Inputs(self, source.threads, TaskModalities(samples, matrix, series))

    def fit_jointly(
        self, inputs: Mapping[Task, TaskInputs], fits: Mapping[Task, Fit]
    ) -> dict[Task, Fitted]:
        """Networks on all tasks together, boosting on each."""
        read: dict[Task, _Inputs] = {}
        for task, one in inputs.items():
            assert isinstance(one, _Inputs)
            read[task] = one
        of_tasks: dict[Task, TaskModalities] = {task: one.modalities for task, one in read.items()}
        columns: tuple[Modality, ...] = tuple(name for name in COLUMNS if name in self.modalities)
        common = fit_common(of_tasks, fits, columns, min_share=self.tabular.min_share)
        tensors: dict[Task, FittedInputs] = {
            task: fitted_inputs(one, common) for task, one in of_tasks.items()
        }
        networks = self._networks(read, tensors, fits)
        done: dict[Task, Fitted] = {}
        for task, one in read.items():
            boosted = fit_boosting(
                one.modalities.samples,
                one.modalities.matrix,
                fits[task],
                self.params.boosting,
                min_share=self.tabular.min_share,
                threads=one.threads,
            )
            done[task] = _Fitted(
                inputs=one,
                task=task,
                tensors=tensors[task],
                scales=common.state(),
                members=networks[task],
                boosted=boosted,
                val=fits[task].fold.val,
            )
        return done

    def _networks(
        self,
        read: Mapping[Task, _Inputs],
        tensors: Mapping[Task, FittedInputs],
        fits: Mapping[Task, Fit],
    ) -> dict[Task, list[_Member]]:
        """Members of the ensemble for each task: the first one kept from validation rows, with
        the weights that are best for them, the others fitted on these too.
        """
        own, shared = self.params.network, self.shared
        kept_from: dict[Task, TaskFit] = {}
        on_both: dict[Task, TaskFit] = {}
        for task, one in read.items():
            fold = fits[task].fold
            goal = Goal(one.exclusive, shared.selection_of(task), fits[task].name)
            kept_from[task] = TaskFit(tensors[task], goal, fold.train, fold.val)
            on_both[task] = TaskFit(tensors[task], goal, fold.again, fold.val[:0])
        schedule = Schedule(
            epochs=own.epochs,
            learning_rate=shared.learning_rate,
            weight_decay=own.weight_decay,
            batch_size=shared.batch_size,
            clip_norm=shared.clip_norm,
            most_samples=own.most_samples,
            multilabel_weight=own.multilabel_weight,
            dtype=shared.dtype,
        )
        found: dict[Task, list[_Member]] = {task: [] for task in kept_from}
        # the seed of the fit of any task will do: they are trained together
        first = next(iter(fits.values())).seed
        for member in range(1 + own.members):
            tasks = on_both if member else kept_from
            settle_torch(threads=shared.threads, seed=first + member)
            network = self._network(tensors)
            best = fit_together(
                network, tasks, schedule, seed=first + member, log=partial(_log, fits)
            )
            for task, (epoch, weights) in best.items():
                found[task].append(_Member(network, epoch, weights))
        return found

    def _network(self, tensors: Mapping[Task, FittedInputs]) -> MultiTaskNetwork:
        own, shared = self.params.network, self.shared
        widths = {name: w for inputs in tensors.values() for name, w in inputs.widths.items()}
        return MultiTaskNetwork(
            widths,
            {task: inputs.labels.shape[1] for task, inputs in tensors.items()},
            direct=DIRECT,
            sizes=Sizes(
                d_model=shared.d_model,
                heads=shared.heads,
                bottleneck=own.bottleneck,
                series_bottleneck=own.series_bottleneck,
                dropout=shared.dropout,
                input_dropout=own.input_dropout,
                hidden_share=own.hidden_share,
            ),
        )


@dataclass(frozen=True)
class _Inputs:
    recipe: Fusehr
    threads: int
    modalities: TaskModalities

    @property
    def exclusive(self) -> bool:
        return self.modalities.samples.kind == "multiclass"

    def fit(self, fit: Fit) -> Fitted:
        """On this task alone."""
        task = self.modalities.samples.task
        return self.recipe.fit_jointly({task: self}, {task: fit})[task]


@dataclass(frozen=True)
class _Member:
    network: MultiTaskNetwork
    epoch: int
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class _Fitted:
    inputs: _Inputs
    task: Task
    tensors: FittedInputs
    scales: dict[str, Tensor]
    members: list[_Member]  # the first one for the rows `val`, the others for all else
    boosted: Boosted
    val: np.ndarray

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        share = self.inputs.recipe.params.network.share
        network = np.empty((len(rows), len(self.inputs.modalities.samples.classes)))
        held_out = np.isin(rows, self.val)
        for members, part in ((self.members[:1], held_out), (self.members[1:], ~held_out)):
            if part.any():
                parts = [self._logits(member, rows[part], without) for member in members]
                network[part] = np.mean(parts, axis=0)
        boosted = _log_odds(self.boosted.predict(rows, without), exclusive=self.inputs.exclusive)
        return _probabilities(
            share * network + (1 - share) * boosted, exclusive=self.inputs.exclusive
        )

    def _logits(
        self, member: _Member, rows: np.ndarray, without: Collection[Modality]
    ) -> np.ndarray:
        member.network.load_state_dict(member.weights)
        logits = task_logits(
            member.network,
            self.tensors,
            self.task,
            torch.from_numpy(rows),
            batch_size=self.inputs.recipe.shared.batch_size,
            without=withheld(without),
        ).double()
        return (logits.log_softmax(dim=1) if self.inputs.exclusive else logits).numpy()

    def save(self, stem: Path) -> None:
        state = {
            f"member{k}.{name}": value
            for k, member in enumerate(self.members)
            for name, value in member.weights.items()
        }
        save_file({**state, **self.scales}, stem.with_suffix(".safetensors"))
        self.boosted.save(stem.with_name(f"{stem.name}-boosting"))

    def summary(self) -> dict[str, Any]:
        return {"best_epoch": self.members[0].epoch, "boosting": self.boosted.summary()["trees"]}


def _log(fits: Mapping[Task, Fit], task: Task, epoch: int, loss: float, metric: float) -> None:
    """One point of a task's curve, which is the first network's."""
    fits[task].log(Epoch(epoch, loss, metric))


def _log_odds(p: np.ndarray, *, exclusive: bool) -> np.ndarray:
    """Log probabilities of exclusive classes, else log odds; p is kept from 0 and 1."""
    low = np.finfo(np.float32).eps
    p = np.clip(p, low, 1 - low)
    return np.log(p) if exclusive else np.log(p) - np.log1p(-p)


def _probabilities(z: np.ndarray, *, exclusive: bool) -> np.ndarray:
    if exclusive:
        grown = np.exp(z - z.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)
    return 1 / (1 + np.exp(-z))


def build(params: Params, shared: ModelParams, tabular: TabularParams) -> Fusehr:
    """The recipe `fusehr`."""
    return Fusehr(params, shared, tabular)
