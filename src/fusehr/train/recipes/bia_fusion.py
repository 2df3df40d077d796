"""Bidirectional attention between structured values put into words and the newest note (BiA)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, field_validator
from torch import nn

from fusehr.core.cohort import TaskSamples
from fusehr.core.embed_schemas import INDICATORS, SEGMENTS
from fusehr.core.frame.params import frozen
from fusehr.core.params.model import ModelParams
from fusehr.models.networks.bia import BidirectionalFusion
from fusehr.models.networks.inputs import modality as inputs_of
from fusehr.models.networks.inputs.indicators import load_indicators
from fusehr.models.networks.inputs.segments import load_note_segments
from fusehr.train.engine.contract import Modality, RecipeParams, Source
from fusehr.train.engine.neural import NeuralRecipe

SHARED = (ModelParams,)
PLACES = {"indicators": INDICATORS, "notes": SEGMENTS}


@frozen
class Params(RecipeParams):
    """Block `recipes.bia_fusion`."""

    modalities: Annotated[tuple[Literal["indicators", "notes"], ...], Field(min_length=1)]
    projection: Literal["place", "shared"]
    layers: Annotated[int, Field(ge=1)]
    hidden: list[Annotated[int, Field(ge=1)]]
    hidden_share: Annotated[float, Field(ge=0, lt=1)]

    @field_validator("modalities")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"expected each modality once, found {', '.join(names)}")
        return names


@dataclass(frozen=True)
class BiaFusion(NeuralRecipe):
    """The recipe."""

    params: Params

    def load(self, source: Source, samples: TaskSamples, modality: Modality) -> inputs_of.Modality:
        """31 indicators at their places, and at most 23 segments of the newest note."""
        if modality == "indicators":
            return load_indicators(source.con, samples, source.embed)
        return load_note_segments(source.con, samples, source.embed, kinds=self.shared.notes.kinds)

    def network(self, widths: Mapping[str, int], n_classes: int, task: str) -> nn.Module:
        """Two sides and their exchange, or one side alone."""
        return BidirectionalFusion(
            widths,
            PLACES,
            n_classes,
            by_place={"indicators"} if self.params.projection == "place" else set(),
            d_model=self.shared.d_model,
            heads=self.shared.heads,
            layers=self.params.layers,
            hidden=self.params.hidden,
            dropout=self.shared.dropout,
            hidden_share=self.params.hidden_share,
        )


def build(params: Params, shared: ModelParams) -> BiaFusion:
    """The recipe `bia_fusion`."""
    return BiaFusion(params, shared)
