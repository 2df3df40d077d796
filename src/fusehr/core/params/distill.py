"""Parameters of the block `distill`: an LLM teacher distilled into a small student."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from fusehr.core.frame.params import frozen
from fusehr.core.frame.tasks import Task

Share = Annotated[float, Field(ge=0, le=1)]
Whole = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

# A way of training the student; `_unlabelled`: visits without a next one enter too, by soft labels.
Variant = Literal[
    "hard",
    "logits",
    "attention",
    "full",
    "logits_unlabelled",
    "attention_unlabelled",
    "full_unlabelled",
    "smoothed",
    "permuted",
]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
# The one that is exported and stands on the leaderboard, and the one that all are compared with.
STUDENT: Variant = "full_unlabelled"
BASELINE: Variant = "hard"


@frozen
class HintsParams:
    """Block `distill.data.hints`: drugs that are said to help against a patient's diseases."""

    graph: bool
    statistics: bool
    most_diseases: Annotated[int, Field(ge=0)]
    most_drugs: Whole
    min_patients: Whole
    min_lift: Positive


@frozen
class DataParams:
    """Block `distill.data`: what is told of a patient."""

    diseases: Literal["phenotypes", "titles", "both"]
    earlier_visits: Annotated[int, Field(ge=0)]
    medication: bool
    hints: HintsParams
    threads: Whole


@frozen
class LoraParams:
    """Block `distill.teacher.lora`: low-rank adapters (Hu et al., arXiv 2106.09685)."""

    rank: Whole
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)]
    layers: Annotated[int, Field(ge=0)]


@frozen
class TeacherParams:
    """Block `distill.teacher`."""

    model: str
    adapter: str
    pooling: Literal["auto", "mean", "cls", "last"]
    dtype: Literal["bfloat16", "float32"]
    device: Literal["auto", "cpu", "cuda"]
    max_tokens: Annotated[int, Field(ge=0)]
    lora: LoraParams
    folds: Annotated[int, Field(ge=2)]
    epochs: Whole
    batch_size: Whole
    accumulation: Whole
    learning_rate: Positive
    head_learning_rate: Positive
    warmup_share: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: NotNegative
    clip_norm: Positive
    kept_mb: Annotated[int, Field(ge=0)]
    threads: Whole
    seed: int

    @field_validator("model")
    @classmethod
    def _known(cls, model: str) -> str:
        if model == "minilm" or (model.startswith("hf:") and model != "hf:"):
            return model
        raise ValueError(f"expected minilm or hf:<id or folder>, found {model!r}")


@frozen
class AttentionParams:
    """Block `distill.student.attention`: weights of the three levels of attention transfer."""

    token: NotNegative
    section: NotNegative
    patient: NotNegative


@frozen
class StudentParams:
    """Block `distill.student`."""

    variants: Annotated[list[Variant], Field(min_length=1)]
    layers: Whole
    d_model: Whole
    heads: Whole
    dropout: Annotated[float, Field(ge=0, lt=1)]
    start: Literal["teacher", "random"]
    alphas: Annotated[list[Share], Field(min_length=1)]
    temperature: Positive
    attention: AttentionParams
    smoothing: Annotated[float, Field(ge=0, lt=1)]
    selection: Literal["auroc", "auprc"]
    steps: Whole
    batch_size: Whole
    evaluate_every: Whole
    learning_rate: Positive
    warmup_share: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: NotNegative
    clip_norm: Positive
    threads: Whole

    @model_validator(mode="after")
    def _fits(self) -> StudentParams:
        if self.d_model % self.heads:
            raise ValueError(f"d_model {self.d_model} is not divisible by heads {self.heads}")
        for needed in (BASELINE, STUDENT):
            if needed not in self.variants:
                raise ValueError(f"variants: expected {needed} among them, found {self.variants}")
        return self


@frozen
class DistillParams:
    """Block `distill`."""

    tasks: list[Task]
    data: DataParams
    teacher: TeacherParams
    student: StudentParams
