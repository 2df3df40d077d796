"""How a chat model behind an OpenAI-compatible endpoint is named and asked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fusehr.core.frame.params import frozen


@frozen
class ChatParams:
    """A block `chat`: how an OpenAI-compatible chat endpoint is asked."""

    model: str
    timeout_s: Annotated[float, Field(gt=0)]
    retries: Annotated[int, Field(ge=0, le=10)]
    concurrency: Annotated[int, Field(ge=1, le=256)]
    max_tokens: Annotated[int, Field(ge=1)]
    max_malformed_share: Annotated[float, Field(ge=0, le=1)]


def chat_url(choice: str) -> str | None:
    """The address in `chat:<url>`, or None where no chat model is chosen."""
    kind, _, url = choice.partition(":")
    return url.rstrip("/") if kind == "chat" else None


def rule_or_chat(value: str, rule: str) -> str:
    """`value`, where it is `rule` or `chat:<url>`; ValueError elsewhere."""
    if value == rule or (chat_url(value) or "").startswith(("http://", "https://")):
        return value
    raise ValueError(f"expected {rule} or chat:<url>, found {value!r}")
