"""Parameters of the block `rag`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from fusehr.core.frame.params import frozen
from fusehr.core.params.chat import ChatParams, rule_or_chat
from fusehr.core.params.embed import NoteKind

Graph = Literal["builtin", "primekg", "disease_ontology"]
Ranking = Literal["dense", "bm25", "hybrid"]
EmbeddedText = Literal["facts", "sentences", "summaries"]
Count = Annotated[int, Field(ge=0)]


@frozen
class PrimeKgParams:
    """Block `rag.primekg`."""

    # `light`: relations among diseases, drugs and phenotypes; `full`: all of them
    relations: Literal["light", "full"]
    url: str
    doi: str


@frozen
class MatchingParams:
    """Block `rag.matching`: the encoder that mentions are linked and facts are ranked by."""

    encoder: str
    dtype: Literal["bfloat16", "float32"]

    @field_validator("encoder")
    @classmethod
    def _known(cls, encoder: str) -> str:
        if encoder == "minilm" or (encoder.startswith("hf:") and encoder != "hf:"):
            return encoder
        raise ValueError(f"expected minilm or hf:<id or folder>, found {encoder!r}")


@frozen
class SignalsParams:
    """Block `rag.signals`: which values are called abnormal, and what they suggest."""

    z: Annotated[float, Field(gt=0)]
    clip_share: Annotated[float, Field(ge=0, lt=0.5)]
    most: Count
    diseases: Count


@frozen
class RagParams:
    """Block `rag`."""

    kg: Graph
    primekg: PrimeKgParams
    note_kinds: list[NoteKind]
    extraction: str
    link_threshold: Annotated[float, Field(ge=-1, le=1)]
    matching: MatchingParams
    signals: SignalsParams
    ranking: Ranking
    max_diseases: Count
    triples_per_disease: Count
    max_own_pairs: Count
    triples_per_drug: Count
    unprescribed_drugs: bool
    summary: str
    chat: ChatParams
    embed_texts: list[EmbeddedText]
    threads: Annotated[int, Field(ge=1)]
    memory_mb: Annotated[int, Field(ge=256)]

    @field_validator("extraction")
    @classmethod
    def _extraction(cls, value: str) -> str:
        return rule_or_chat(value, "rules")

    @field_validator("summary")
    @classmethod
    def _summary(cls, value: str) -> str:
        return rule_or_chat(value, "template")
