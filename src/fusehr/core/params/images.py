"""Parameters of chest image encoders, and of the block `train.images`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from fusehr.core.frame.params import frozen

Width = Annotated[int, Field(ge=1)]


@frozen
class ResNetParams:
    """A small ResNet: channels behind the first convolution; channels and blocks of each stage."""

    embedding_size: Width
    widths: Annotated[list[Width], Field(min_length=1)]
    depths: Annotated[list[Width], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_depth_a_width(self) -> ResNetParams:
        if len(self.widths) != len(self.depths):
            raise ValueError(
                f"expected one of depths for each of widths, "
                f"found {len(self.depths)} and {len(self.widths)}"
            )
        return self


@frozen
class AugmentationParams:
    """How pictures are changed at random while training; 0 or false leaves a change out."""

    # mirror half of the pictures
    flip: bool
    # pixels to either side
    shift: Annotated[int, Field(ge=0)]
    # degrees to either side; as dear as all others together
    rotation: Annotated[float, Field(ge=0, le=180)]
    # factors 1 - x to 1 + x
    brightness: Annotated[float, Field(ge=0, lt=1)]
    contrast: Annotated[float, Field(ge=0, lt=1)]
    # share of pictures that are blurred
    blur: Annotated[float, Field(ge=0, le=1)]


@frozen
class ImageParams:
    """Block `train.images`: the encoder whose vectors of the cohort's images recipes may read."""

    encoder: str
    resnet: ResNetParams
    augmentation: AugmentationParams
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    holdout_share: Annotated[float, Field(gt=0, lt=1)]
    dtype: Literal["bfloat16", "float32"]
    threads: Annotated[int, Field(ge=1)]
    seed: int

    @field_validator("encoder")
    @classmethod
    def _known(cls, encoder: str) -> str:
        if encoder == "resnet" or (encoder.startswith("hf:") and encoder != "hf:"):
            return encoder
        raise ValueError(f"expected resnet or hf:<id or folder>, found {encoder!r}")
