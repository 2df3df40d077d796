"""The vitals branch of the multi-modal LSTM, on its own: six vitals, hourly, and no notes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import save_file

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.core.gate.availability import attach_events
from fusehr.core.params.model import ModelParams
from fusehr.models.networks.fitting import (
    fit_module,
    predict_logits,
    probabilities,
    settle_torch,
    start_at_prevalence,
)
from fusehr.models.networks.lstm import Pooling, SeriesLSTM
from fusehr.models.networks.series import SeriesScaler, load_bins
from fusehr.train.engine.contract import Epoch, Fit, RecipeParams, Skip, Source

Shared = ModelParams


@frozen
class Params(RecipeParams):
    """Block `recipes.lstm_vitals`."""

    modalities: tuple[Literal["series"]]
    variables: Annotated[list[str], Field(min_length=1)]
    layers: Annotated[int, Field(ge=1)]
    hidden: list[Annotated[int, Field(ge=1)]]
    pooling: Pooling


@dataclass(frozen=True)
class LstmVitals:
    """The recipe."""

    params: Params
    shared: ModelParams
    tables: tuple[str, ...] = ("samples", "dynamic")

    def inputs(self, source: Source, samples: TaskSamples) -> _Inputs:
        """Hourly bins of every sample; raises Skip where the source charted no vital."""
        attach_events(source.con, samples.task)
        bins = load_bins(
            source.con,
            len(samples.samples),
            variables=self.params.variables,
            hours=self.shared.series_hours[samples.task],
        )
        if np.isnan(bins).all():
            raise Skip(f"needs series: no events of {', '.join(self.params.variables)}")
        return _Inputs(self, samples, bins)


@dataclass(frozen=True)
class _Inputs:
    recipe: LstmVitals
    samples: TaskSamples
    bins: np.ndarray  # float32 (n_samples, hours, n_variables)

    def fit(self, fit: Fit) -> _Fitted:
        """Scale by train rows, train, keep the epoch that is best on validation rows."""
        own, shared = self.recipe.params, self.recipe.shared
        charted = self.bins[fit.fold.train]
        scaler = SeriesScaler.fit(charted, clip_share=shared.series_clip_share)
        steps, lengths = scaler.steps(self.bins)  # (n, hours, 2 * n_variables), (n,)
        inputs = (torch.from_numpy(steps), torch.from_numpy(lengths))
        exclusive = self.samples.kind == "multiclass"
        settle_torch(threads=shared.threads, seed=fit.seed)
        module = SeriesLSTM(
            steps.shape[2],
            len(self.samples.classes),
            d_model=shared.d_model,
            layers=own.layers,
            heads=shared.heads,
            hidden=own.hidden,
            dropout=shared.dropout,
            pooling=own.pooling,
        )
        labels = torch.from_numpy(self.samples.labels.astype(np.float32))
        start_at_prevalence(module.last, labels[fit.fold.train], exclusive=exclusive)
        best_epoch = fit_module(
            module,
            inputs,
            labels,
            exclusive=exclusive,
            train=fit.fold.train,
            val=fit.fold.val,
            params=shared,
            seed=fit.seed,
            name=fit.name,
            log=lambda epoch, loss, metric: fit.log(Epoch(epoch, loss, metric)),
        )
        return _Fitted(self, scaler, inputs, module, exclusive, best_epoch)


@dataclass(frozen=True)
class _Fitted:
    inputs: _Inputs
    scaler: SeriesScaler
    tensors: tuple[torch.Tensor, torch.Tensor]
    module: SeriesLSTM
    exclusive: bool
    best_epoch: int

    def predict(self, rows: np.ndarray) -> np.ndarray:
        batch_size = self.inputs.recipe.shared.batch_size
        logits = predict_logits(
            self.module, self.tensors, torch.from_numpy(rows), batch_size=batch_size
        )
        return probabilities(logits, exclusive=self.exclusive).numpy()

    def save(self, stem: Path) -> None:
        scaler = {"mean": self.scaler.mean, "std": self.scaler.std}
        tensors = {f"scaler.{key}": torch.from_numpy(value) for key, value in scaler.items()}
        save_file({**self.module.state_dict(), **tensors}, stem.with_suffix(".safetensors"))

    def summary(self) -> dict[str, Any]:
        return {
            "features": self.inputs.recipe.params.variables,
            "best_epoch": self.best_epoch,
            "scaler": {"mean": self.scaler.mean.tolist(), "std": self.scaler.std.tolist()},
        }


def build(params: Params, shared: ModelParams) -> LstmVitals:
    """The recipe `lstm_vitals`."""
    return LstmVitals(params, shared)
