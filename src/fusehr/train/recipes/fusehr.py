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

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
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
from fusehr.train.multitask.inputs import (
    Common,
    TaskModalities,
    fit_common,
    fitted_inputs,
    withheld,
)
from fusehr.train.multitask.saved import Layout, Saved
from fusehr.train.tabular.boosting import Boosted, BoostingParams, fit_boosting
from fusehr.train.tabular.matrix import TABLES, build_matrix
from fusehr.train.tabular.per_class import PerClass
from fusehr.train.tabular.trees import load_trees

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
                common=common,
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
            widths = {name: w for one in tensors.values() for name, w in one.widths.items()}
            classes = {task: one.labels.shape[1] for task, one in tensors.items()}
            network = self._network(widths, classes)
            best = fit_together(
                network, tasks, schedule, seed=first + member, log=partial(_log, fits)
            )
            for task, (epoch, weights) in best.items():
                found[task].append(_Member(network, epoch, weights))
        return found

    def _network(self, widths: Mapping[str, int], classes: Mapping[Task, int]) -> MultiTaskNetwork:
        own, shared = self.params.network, self.shared
        return MultiTaskNetwork(
            widths,
            classes,
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

    def restored(self, stem: Path, task: Task, classes: Sequence[str]) -> Restored:
        """What a fit of `task` saved to `stem`, to predict new samples with.

        classes: of the task, in the order of its labels. Raises InputError where a file is missing
        or of another version.
        """
        saved = Saved.load(stem.with_suffix(".safetensors"))
        widths = {name: len(one.names) for name, one in saved.common.columns.items()}
        if saved.common.scaler is not None:
            widths["series"] = 2 * len(saved.common.scaler.mean)
        members: list[_Member] = []
        for weights in saved.members:
            network = self._network(widths, _classes_of(weights))
            network.load_state_dict(weights)
            members.append(_Member(network, 0, weights))
        # what was fitted last predicts all but validation samples, and no new sample is one
        models, columns = load_trees(boosting_stem(stem).with_suffix(".safetensors"))
        place = {name: k for k, name in enumerate(saved.layout.columns)}
        exclusive = len(classes) > 1 and "|".join(classes) in models
        named = ["|".join(classes)] if exclusive else classes
        per_class = PerClass(tuple(classes), exclusive, tuple(models[name] for name in named))
        chosen = np.array([place[name] for name in columns])
        return Restored(self, task, saved, members, per_class, chosen)


@dataclass(frozen=True)
class Restored:
    """A fit of one task, read back from its files."""

    recipe: Fusehr
    task: Task
    saved: Saved
    members: list[_Member]
    models: PerClass
    chosen: np.ndarray

    def predict(
        self, source: Source, samples: TaskSamples, without: Collection[Modality] = ()
    ) -> np.ndarray:
        """Probabilities float64 (n_samples, n_classes) of samples that training never saw.

        Raises Skip where `source` has no events, codes, notes or images at all.
        """
        read = self.recipe.inputs(source, samples)
        matrix = self.saved.layout.arranged(read.modalities.matrix)
        modalities = TaskModalities(samples, matrix, read.modalities.series)
        none = np.empty(0, np.int64)
        fitted = _Fitted(
            inputs=_Inputs(self.recipe, source.threads, modalities),
            task=self.task,
            tensors=fitted_inputs(modalities, self.saved.common),
            common=self.saved.common,
            members=self.members,
            boosted=Boosted(matrix, self.chosen, self.models, self.models, val=none),
            val=none,
        )
        return fitted.predict(np.arange(len(samples.samples)), without)


def boosting_stem(stem: Path) -> Path:
    """Where the boosted trees of the fit at `stem` are saved, without the suffix."""
    return stem.with_name(f"{stem.name}-boosting")


def _classes_of(weights: Mapping[str, Tensor]) -> dict[Task, int]:
    """Number of classes of each task, as the network's last layers have them."""
    parts = ((key.split("."), value) for key, value in weights.items())
    return {key[1]: len(value) for key, value in parts if key[0] == "last" and key[2] == "bias"}


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
    common: Common
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
        layout = Layout.of(self.inputs.modalities.matrix)
        saved = Saved(layout, self.common, [member.weights for member in self.members])
        saved.save(stem.with_suffix(".safetensors"))
        self.boosted.save(boosting_stem(stem))

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
