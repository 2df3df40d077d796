"""The vitals branch of the multi-modal LSTM, on its own: six vitals, hourly, and no notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.core.params.model import ModelParams, Variables
from fusehr.models.networks.inputs.series import Series, load_series
from fusehr.models.networks.lstm import Pooling, SeriesLSTM
from fusehr.train.engine.contract import Modality, RecipeParams, Source
from fusehr.train.engine.neural import NeuralRecipe

SHARED = (ModelParams,)


@frozen
class Params(RecipeParams):
    """Block `recipes.lstm_vitals`."""

    modalities: tuple[Literal["series"]]
    variables: Variables
    layers: Annotated[int, Field(ge=1)]
    hidden: list[Annotated[int, Field(ge=1)]]
    pooling: Pooling


@dataclass(frozen=True)
class LstmVitals(NeuralRecipe):
    """The recipe."""

    params: Params

    def load(self, source: Source, samples: TaskSamples, modality: Modality) -> Series:
        """Hourly bins of the vitals."""
        return load_series(
            source.con,
            samples,
            variables=self.params.variables,
            hours=self.shared.hours_of(samples.task),
            clip_share=self.shared.series_clip_share,
        )

    def network(self, widths: Mapping[str, int], n_classes: int, task: str) -> nn.Module:
        """The LSTM with its head."""
        return SeriesLSTM(
            widths["series"],
            n_classes,
            d_model=self.shared.d_model,
            layers=self.params.layers,
            heads=self.shared.heads,
            hidden=self.params.hidden,
            dropout=self.shared.dropout,
            pooling=self.params.pooling,
        )


def build(params: Params, shared: ModelParams) -> LstmVitals:
    """The recipe `lstm_vitals`."""
    return LstmVitals(params, shared)
