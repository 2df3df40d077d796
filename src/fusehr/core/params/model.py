"""Parameters of the block `model`, which every neural recipe reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fusehr.core.frame.params import frozen
from fusehr.core.frame.tasks import Task, of_task
from fusehr.core.params.embed import NoteKind

Dtype = Literal["bfloat16", "float32"]
Metric = Literal["auroc", "auprc"]

# of an hourly series: names, or every one that the source has
Variables = Literal["all"] | Annotated[list[str], Field(min_length=1)]


@frozen
class NotesParams:
    """Block `model.notes`: sentences that are tokens."""

    kinds: Annotated[list[NoteKind], Field(min_length=1)]
    most_notes: Annotated[int, Field(ge=1)]
    most_tokens: Annotated[int, Field(ge=1)]


@frozen
class ModelParams:
    """Block `model`: window, size and optimisation shared by the neural recipes."""

    series_hours: dict[Task, Annotated[int, Field(ge=1)]]
    series_clip_share: Annotated[float, Field(ge=0, lt=0.5)]
    notes: NotesParams
    most_facts: Annotated[int, Field(ge=1)]
    most_images: Annotated[int, Field(ge=1)]
    d_model: Annotated[int, Field(ge=1)]
    heads: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    batch_size: Annotated[int, Field(ge=1)]
    selection: dict[Task, Metric]
    epochs: Annotated[int, Field(ge=1)]
    patience: Annotated[int, Field(ge=1)]
    clip_norm: Annotated[float, Field(gt=0)]
    dtype: Dtype
    threads: Annotated[int, Field(ge=1)]

    def hours_of(self, task: Task) -> int:
        """Hours of `task`'s series."""
        return of_task(self.series_hours, task, "model.series_hours")

    def selection_of(self, task: Task) -> Metric:
        """The metric that chooses the epoch for `task`."""
        return of_task(self.selection, task, "model.selection")

    @model_validator(mode="after")
    def _heads_divide_d_model(self) -> ModelParams:
        if self.d_model % self.heads:
            raise ValueError(f"d_model {self.d_model} is not divisible by heads {self.heads}")
        return self
