"""Parameters of the block `defects`: published shortcuts, shown beside their repair."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from fusehr.core.frame.params import frozen

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


@frozen
class LogisticParams:
    """Block `defects.logistic`: the simple model of three of the defects."""

    C: Annotated[float, Field(gt=0)]
    max_iter: Count
    min_share: Annotated[float, Field(ge=0, lt=1)]


@frozen
class RowSplitParams:
    """Block `defects.row_split`: overlapping windows, and the LSTM fitted on them."""

    most_patients: Annotated[int, Field(ge=2)]
    fitted_share: Share
    first_hours: Count
    window_hours: Count
    stride_hours: Count
    positive_share: Share
    left_out_share: Share
    d_model: Count
    layers: Count
    hidden: list[Count]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Count
    epochs: Count
    enough_loss: Annotated[float, Field(gt=0)]
    clip_norm: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _windows_overlap(self) -> RowSplitParams:
        if self.window_hours > self.first_hours:
            raise ValueError(
                f"window_hours {self.window_hours} is above first_hours {self.first_hours}"
            )
        if self.stride_hours >= self.window_hours:
            raise ValueError(
                f"stride_hours {self.stride_hours} is not below window_hours {self.window_hours}: "
                "windows would not overlap"
            )
        return self


@frozen
class DeathsParams:
    """Block `defects.deaths`: the input of the readmission model."""

    hours: Count


@frozen
class DischargeCodesParams:
    """Block `defects.discharge_codes`: what coders add to the codes of who died."""

    causes: Annotated[list[str], Field(min_length=1)]
    coded_share: Annotated[float, Field(gt=0, le=1)]


@frozen
class FusionParams:
    """Block `defects.fusion`: random tokens that fusions with random weights are tried on."""

    samples: Annotated[int, Field(ge=2)]
    tokens: Annotated[int, Field(ge=2)]
    d_model: Count
    heads: Count
    beta: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _heads_divide_d_model(self) -> FusionParams:
        if self.d_model % self.heads:
            raise ValueError(f"d_model {self.d_model} is not divisible by heads {self.heads}")
        return self


@frozen
class DefectsParams:
    """Block `defects`."""

    seed: Annotated[int, Field(ge=0)]
    bootstrap_draws: Annotated[int, Field(ge=100)]
    min_patients: Count
    fitted_share: Share
    threads: Count
    vitals: Annotated[list[str], Field(min_length=1)]
    clip_share: Annotated[float, Field(ge=0, lt=0.5)]
    logistic: LogisticParams
    row_split: RowSplitParams
    deaths: DeathsParams
    discharge_codes: DischargeCodesParams
    fusion: FusionParams
