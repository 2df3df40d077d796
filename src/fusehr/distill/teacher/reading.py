"""Texts as the teacher and as the student read them: the same tokens, otherwise framed."""

from __future__ import annotations

from typing import Any

from fusehr.distill.texts import TaskTexts
from fusehr.models.distilled.teacher import Source
from fusehr.models.distilled.tokens import (
    Around,
    TokenTexts,
    load_tokenizer,
    prompt,
    special_tokens,
    tokenise,
)

WHOLE = "full"  # the teacher of all train patients


def teacher_tokens(source: Source, texts: TaskTexts) -> TokenTexts:
    """Within the prompt of a chat, where the tokenizer has a template for one."""
    tokenizer = load_tokenizer(source.body)
    around = prompt(tokenizer, _instruction(texts))
    return _tokenise(tokenizer, texts, around, source.max_tokens)


def student_tokens(source: Source, texts: TaskTexts) -> tuple[TokenTexts, Around, int]:
    """With special tokens alone around them; these, and the most tokens that a text may have."""
    tokenizer = load_tokenizer(source.body)
    room = source.max_tokens - len(prompt(tokenizer, _instruction(texts)))
    around = special_tokens(tokenizer)
    most = room + len(around)
    return _tokenise(tokenizer, texts, around, most), around, most


def _instruction(texts: TaskTexts) -> str:
    return str(texts.table["instruction"].iloc[0])


def _tokenise(tokenizer: Any, texts: TaskTexts, around: Around, max_tokens: int) -> TokenTexts:
    return tokenise(
        tokenizer,
        texts.table["input"].tolist(),
        texts.table["section_starts"].tolist(),
        around=around,
        max_tokens=max_tokens,
    )
