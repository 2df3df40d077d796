"""MediLLM: notes and the newest chest image, each a vector, concatenated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from torch import nn

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.core.params.images import AugmentationParams, ResNetParams
from fusehr.core.params.model import ModelParams
from fusehr.models.networks.image_encoder import (
    ImageEncoder,
    load_fitted,
    pretrained_resnet,
    small_resnet,
)
from fusehr.models.networks.inputs.images import load_image_vectors, load_pixels
from fusehr.models.networks.inputs.modality import RaggedTokens
from fusehr.models.networks.inputs.note_texts import load_note_words
from fusehr.models.networks.inputs.notes import load_note_sentences
from fusehr.models.networks.sentence_encoder import load_sentence_encoder, sentence_files
from fusehr.models.networks.triage import ImageBranch, TextBranch, TriageFusion
from fusehr.train.engine.contract import Modality, RecipeParams, Source
from fusehr.train.engine.neural import NeuralInputs, NeuralRecipe

SHARED = (ModelParams,)

SEEN: Mapping[str, tuple[Modality, ...]] = {
    "multimodal": ("notes", "images"),
    "text": ("notes",),
    "image": ("images",),
}


@frozen
class Params(RecipeParams):
    """Block `recipes.triage_fusion`."""

    modalities: tuple[Literal["notes", "images"], ...]
    mode: Literal["multimodal", "text", "image"]
    text_encoder: Literal["frozen", "finetuned"]
    text_model: str
    most_words: Annotated[int, Field(ge=3)]
    image_encoder: str
    resnet: ResNetParams
    augmentation: AugmentationParams
    hidden: Annotated[int, Field(ge=1)]
    hide_share: Annotated[float, Field(ge=0, le=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Annotated[int, Field(ge=2)]
    epochs: Annotated[int, Field(ge=1)]
    patience: Annotated[int, Field(ge=1)]

    @field_validator("text_model")
    @classmethod
    def _known_text(cls, name: str) -> str:
        if name == "minilm" or (name.startswith("hf:") and name != "hf:"):
            return name
        raise ValueError(f"expected minilm or hf:<id or folder>, found {name!r}")

    @field_validator("image_encoder")
    @classmethod
    def _known_image(cls, name: str) -> str:
        if name in ("resnet", "finetuned", "pool") or (name.startswith("hf:") and name != "hf:"):
            return name
        raise ValueError(f"expected resnet, finetuned, pool or hf:<id or folder>, found {name!r}")

    @model_validator(mode="after")
    def _mode_is_of_the_modalities(self) -> Params:
        lacking = [name for name in SEEN[self.mode] if name not in self.modalities]
        if lacking:
            raise ValueError(
                f"mode {self.mode} expects {' and '.join(SEEN[self.mode])} among modalities, "
                f"found {', '.join(self.modalities) or 'none'}"
            )
        return self


@dataclass(frozen=True)
class TriageFusionRecipe(NeuralRecipe):
    """The recipe."""

    params: Params
    fitted_images: Path | None = None  # what the stage train-images wrote, once inputs are read

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Those that the mode sees."""
        return SEEN[self.params.mode]

    def inputs(self, source: Source, samples: TaskSamples) -> NeuralInputs:
        """As of any neural recipe; the network may begin with the weights of train-images."""
        located = dataclasses.replace(self, fitted_images=source.images)
        return NeuralRecipe.inputs(located, source, samples)

    def load(self, source: Source, samples: TaskSamples, modality: Modality) -> RaggedTokens:
        """Sentences of the newest notes; the newest image."""
        if modality == "notes":
            return self._notes(source, samples)
        if self.params.image_encoder == "pool":
            return load_image_vectors(source.con, samples, source.images, most_images=1)
        return load_pixels(source.con, samples, source.tables, most_images=1)

    def network(self, widths: Mapping[str, int], n_classes: int, task: str) -> nn.Module:
        """A branch for each modality that is seen, and the layer behind both."""
        return TriageFusion(
            self._text_branch(widths["notes"]) if "notes" in widths else None,
            self._image_branch(widths["images"]) if "images" in widths else None,
            n_classes,
            hidden=self.params.hidden,
            dropout=self.shared.dropout,
            hide_share=self.params.hide_share,
        )

    def _notes(self, source: Source, samples: TaskSamples) -> RaggedTokens:
        notes = self.shared.notes
        if self.params.text_encoder == "frozen":
            return load_note_sentences(
                source.con,
                samples,
                source.embed,
                kinds=notes.kinds,
                most_notes=notes.most_notes,
                most_tokens=notes.most_tokens,
            )
        return load_note_words(
            source.con,
            samples,
            source.embed,
            sentence_files(self.params.text_model, "recipes.triage_fusion.text_model").body,
            kinds=notes.kinds,
            most_notes=notes.most_notes,
            most_tokens=notes.most_tokens,
            most_words=self.params.most_words,
        )

    def _text_branch(self, width: int) -> TextBranch:
        words = None
        if self.params.text_encoder == "finetuned":
            words = load_sentence_encoder(
                sentence_files(self.params.text_model, "recipes.triage_fusion.text_model")
            )
        return TextBranch(
            width if words is None else words.width,
            d_model=self.shared.d_model,
            heads=self.shared.heads,
            dropout=self.shared.dropout,
            words=words,
        )

    def _image_branch(self, width: int) -> ImageBranch:
        if self.params.image_encoder == "pool":
            return ImageBranch(width)
        encoder = self._encoder()
        return ImageBranch(encoder.width, encoder)

    def _encoder(self) -> ImageEncoder:
        params = self.params
        if params.image_encoder in ("resnet", "finetuned"):
            encoder = small_resnet(params.resnet, params.augmentation, dtype=self.shared.dtype)
            if params.image_encoder == "finetuned":
                assert self.fitted_images is not None
                load_fitted(encoder, self.fitted_images / "encoder.safetensors")
            return encoder
        return pretrained_resnet(
            params.image_encoder.removeprefix("hf:"),
            params.augmentation,
            dtype=self.shared.dtype,
            parameter="recipes.triage_fusion.image_encoder",
        )


def build(params: Params, shared: ModelParams) -> TriageFusionRecipe:
    """The recipe `triage_fusion`, whose optimisation is in parts its own."""
    own = dataclasses.replace(
        shared,
        learning_rate=params.learning_rate,
        batch_size=params.batch_size,
        epochs=params.epochs,
        patience=params.patience,
    )
    return TriageFusionRecipe(params, own)
