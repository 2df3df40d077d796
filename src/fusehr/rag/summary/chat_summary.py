"""Summaries by a chat model, from the same content that the template puts one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from fusehr.core.chat.client import Chat
from fusehr.rag.assertion.sections import sentences

SYSTEM = (
    "You are an experienced physician in intensive care. Summarise the patient's state in plain "
    "sentences, from what is given and nothing else. Say which values are abnormal, which diseases "
    "the patient has, and which of the facts matter for this patient. Do not guess an outcome."
)
HEADERS = {
    "signals": "Abnormal values",
    "diseases": "Diseases",
    "facts": "Facts from a medical knowledge graph",
}
NONE = "none known"


def prompt(sections: dict[str, list[str]]) -> str:
    """The prompt for one sample. sections: sentences by `signals`, `diseases`, `facts`."""
    lines = []
    for name, header in HEADERS.items():
        lines.append(f"{header}:")
        lines += [f"- {text}" for text in sections.get(name) or (NONE,)]
    return "\n".join(lines)


def chat_summaries(
    chat: Chat, samples: Sequence[tuple[str, dict[str, list[str]]]]
) -> tuple[list[dict[str, object]], dict[str, str]]:
    """Rows of `summaries` for (sample_id, sections), and their sentences by SHA-256."""
    prompts = [prompt(sections) for _, sections in samples]
    rows: list[dict[str, object]] = []
    texts: dict[str, str] = {}
    for (sample_id, _), asked, answer in zip(
        samples, prompts, chat.ask(SYSTEM, prompts), strict=True
    ):
        told = [sentence.text.strip() for sentence in sentences(answer)]
        hashes = [sha256(text.encode()).hexdigest() for text in told]
        texts |= dict(zip(hashes, told, strict=True))
        rows.append(
            {
                "sample_id": sample_id,
                "text": answer,
                "backend": chat.name,
                "prompt_hash": chat.prompt_hash(SYSTEM, asked),
                "sentences": hashes,
            }
        )
    return rows, texts
