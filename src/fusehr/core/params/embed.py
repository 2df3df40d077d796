"""Parameters of the block `embed`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from fusehr.core.frame.params import frozen

TextKind = Literal["indicators", "sentences", "segments", "notes"]
NoteKind = Literal["complaint", "triage_nursing", "nursing", "progress", "radiology", "discharge"]


@frozen
class GradioParams:
    """Block `embed.gradio`: how a remote endpoint is asked."""

    # name that the endpoint knows the model by
    model: str
    # texts in one call; 1 for an endpoint that takes a single text
    batch: Annotated[int, Field(ge=1, le=1024)]
    timeout_s: Annotated[float, Field(gt=0)]
    # attempts after the first, each after twice the last one's pause
    retries: Annotated[int, Field(ge=0, le=10)]


@frozen
class EmbedParams:
    """Block `embed`."""

    encoder: str
    dtype: Literal["bfloat16", "float32"]
    # 0: the encoder's own
    max_tokens: Annotated[int, Field(ge=0)]
    pooling: Literal["auto", "mean", "cls", "last"]
    # 0: the encoder's own
    dimension: Annotated[int, Field(ge=0)]
    matryoshka: Literal["auto", "yes", "no"]
    tokens_per_batch: Annotated[int, Field(ge=8)]
    device: Literal["auto", "cpu", "cuda"]
    threads: Annotated[int, Field(ge=1)]
    memory_mb: Annotated[int, Field(ge=256)]
    texts: list[TextKind]
    note_kinds: list[NoteKind]
    reduced_dimension: Annotated[int, Field(ge=1)]
    fit_texts: Annotated[int, Field(ge=100)]
    gradio: GradioParams

    @field_validator("encoder")
    @classmethod
    def _known(cls, encoder: str) -> str:
        kind, _, rest = encoder.partition(":")
        if encoder in ("minilm", "tfidf_svd") or (kind in ("hf", "gradio") and rest):
            return encoder
        raise ValueError(
            f"expected minilm, tfidf_svd, hf:<id or folder> or gradio:<url>, found {encoder!r}"
        )
