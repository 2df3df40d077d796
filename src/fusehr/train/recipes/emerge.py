"""EMERGE: series, notes and what a knowledge graph tells, with its published switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator
from torch import nn

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.core.params.model import ModelParams, Variables
from fusehr.models.networks import emerge
from fusehr.models.networks.inputs import modality as inputs_of
from fusehr.models.networks.inputs.notes import load_note_sentences
from fusehr.models.networks.inputs.series import load_series
from fusehr.models.networks.inputs.summary import load_facts
from fusehr.models.networks.series_encoders import SeriesEncoder
from fusehr.train.engine.contract import Modality, RecipeParams, Source
from fusehr.train.engine.neural import NeuralRecipe

SHARED = (ModelParams,)


@frozen
class Params(RecipeParams):
    """Block `recipes.emerge`; what the switches mean is in models.networks.emerge."""

    modalities: Annotated[tuple[Literal["series", "notes", "summary"], ...], Field(min_length=1)]
    variables: Variables
    series_encoder: SeriesEncoder
    series_layers: Annotated[int, Field(ge=1)]
    text_fusion: emerge.TextFusion
    modality_fusion: emerge.ModalityFusion
    fusion_layers: Annotated[int, Field(ge=1)]
    bottlenecks: Annotated[int, Field(ge=1)]
    mag_beta: Annotated[float, Field(gt=0)]
    tokens: bool
    hidden_share: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _its_text_is_there(self) -> Params:
        needed = {"note": "notes", "summary": "summary"}.get(self.text_fusion)
        if needed and needed not in self.modalities:
            raise ValueError(
                f"text_fusion {self.text_fusion}: expected {needed} among modalities, "
                f"found {', '.join(self.modalities)}"
            )
        if self.modality_fusion == "bottleneck" and self.fusion_layers < 2:
            raise ValueError(
                "modality_fusion bottleneck: expected fusion_layers 2 or more, as nothing crosses "
                f"in one, found {self.fusion_layers}"
            )
        if len(set(self.modalities)) < len(self.modalities):
            raise ValueError(f"modalities: expected each once, found {', '.join(self.modalities)}")
        return self


@dataclass(frozen=True)
class Emerge(NeuralRecipe):
    """The recipe."""

    params: Params

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """As configured, less the text that the text fusion leaves out."""
        left = emerge.seen(self.params.modalities, self.params.text_fusion)
        return tuple(name for name in self.params.modalities if name in left)

    def load(self, source: Source, samples: TaskSamples, modality: Modality) -> inputs_of.Modality:
        """Hourly bins, sentences of the newest notes, or facts in their rank."""
        shared = self.shared
        if modality == "series":
            return load_series(
                source.con,
                samples,
                variables=self.params.variables,
                hours=shared.hours_of(samples.task),
                clip_share=shared.series_clip_share,
            )
        if modality == "notes":
            return load_note_sentences(
                source.con,
                samples,
                source.embed,
                kinds=shared.notes.kinds,
                most_notes=shared.notes.most_notes,
                most_tokens=shared.notes.most_tokens,
            )
        return load_facts(source.con, samples, source.rag, most_tokens=shared.most_facts)

    def network(self, widths: Mapping[str, int], n_classes: int, task: str) -> nn.Module:
        """EMERGE with the configured switches."""
        params, shared = self.params, self.shared
        return emerge.Emerge(
            widths,
            n_classes,
            emerge.Design(
                series_encoder=params.series_encoder,
                series_layers=params.series_layers,
                text_fusion=params.text_fusion,
                modality_fusion=params.modality_fusion,
                fusion_layers=params.fusion_layers,
                bottlenecks=params.bottlenecks,
                tokens=params.tokens,
                mag_beta=params.mag_beta,
                d_model=shared.d_model,
                heads=shared.heads,
                dropout=shared.dropout,
                hidden_share=params.hidden_share,
            ),
        )


def build(params: Params, shared: ModelParams) -> Emerge:
    """The recipe `emerge`."""
    return Emerge(params, shared)
