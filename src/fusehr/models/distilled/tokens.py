"""Texts as tokens of one tokenizer, each token with the section of the text that it stands in.

A text that is longer than the model reads loses its last tokens, never those of the prompt around
it; how many is counted, so that it can be reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer

from fusehr.core.frame.errors import InputError

OUTSIDE = -1  # section of a token that is not of the text: prompt, special, padding
PLACE = "\x00"  # stands for the text while a chat template is filled in


@dataclass(frozen=True)
class Around:
    """Token ids before and behind every text: special tokens, or a chat's prompt."""

    before: tuple[int, ...]
    behind: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.before) + len(self.behind)


@dataclass(frozen=True)
class TokenBatch:
    """b texts of up to l tokens. ids, sections: int64 (b, l); mask: bool (b, l), true: a token."""

    ids: Tensor
    mask: Tensor
    sections: Tensor

    @property
    def inside(self) -> Tensor:
        """bool (b, l): tokens of the text itself."""
        return self.sections != OUTSIDE

    def to(self, device: torch.device) -> TokenBatch:
        """The same on another device."""
        return TokenBatch(self.ids.to(device), self.mask.to(device), self.sections.to(device))


@dataclass(frozen=True)
class TokenTexts:
    """n texts as tokens: text i has ids[offsets[i]:offsets[i + 1]].

    ids, sections: int64 (total,); offsets: int64 (n + 1,); lost: int64 (n,), tokens cut off.
    """

    ids: Tensor
    sections: Tensor
    offsets: Tensor
    lost: Tensor
    padding: int

    @property
    def lengths(self) -> Tensor:
        """int64 (n,): tokens of each text."""
        return self.offsets.diff()

    def batch(self, rows: Tensor) -> TokenBatch:
        """The texts at `rows`, int64 (b,), padded behind to the longest."""
        first = self.offsets[rows]
        lengths = self.offsets[rows + 1] - first  # (b,)
        place = torch.arange(int(lengths.max()))  # (l,)
        mask = place < lengths[:, None]  # (b, l)
        where = torch.where(mask, first[:, None] + place, 0)
        return TokenBatch(
            torch.where(mask, self.ids[where], self.padding),
            mask,
            torch.where(mask, self.sections[where], OUTSIDE),
        )


def load_tokenizer(folder: Path) -> Any:
    """The fast tokenizer in `folder`; InputError where there is none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{folder}: expected a tokenizer, found: {reason}") from None
    if not tokenizer.is_fast:
        raise InputError(f"{folder}: expected a tokenizer.json, found a slow tokenizer only")
    # what is cut is cut here, and counted
    tokenizer.model_max_length = 10**9
    return tokenizer


def special_tokens(tokenizer: Any) -> Around:
    """What the tokenizer itself puts around a text: [CLS] and [SEP] of a BERT, nothing of Qwen2."""
    alone = [int(i) for i in tokenizer("")["input_ids"]]
    if len(alone) > 2:
        raise InputError(f"tokenizer: expected at most 2 special tokens, found {len(alone)}")
    return Around(tuple(alone[:1]), tuple(alone[1:]))


def prompt(tokenizer: Any, instruction: str) -> Around:
    """A chat's turn that asks `instruction` of the text, where the tokenizer has a chat template.

    Without one the instruction, which is the same for every text, is left out.
    """
    if not getattr(tokenizer, "chat_template", None):
        return special_tokens(tokenizer)
    turn = [{"role": "user", "content": f"{instruction}\n{PLACE}"}]
    whole = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    parts = whole.split(PLACE)
    if len(parts) != 2:
        raise InputError("tokenizer: expected a chat template that repeats the user's turn once")
    before, behind = (tokenizer(part, add_special_tokens=False)["input_ids"] for part in parts)
    return Around(tuple(before), tuple(behind))


def tokenise(
    tokenizer: Any,
    texts: Sequence[str],
    starts: Sequence[Sequence[int]],
    *,
    around: Around,
    max_tokens: int,
) -> TokenTexts:
    """`texts` (n) with `around`, of at most `max_tokens` tokens in all.

    starts: first character of each section of each text, ascending, the first 0. Raises InputError
    where `max_tokens` leaves no room for a text.
    """
    room = max_tokens - len(around)
    if room < 1:
        raise InputError(
            f"max_tokens: expected more than the {len(around)} tokens around a text, "
            f"found {max_tokens}"
        )
    found = tokenizer(
        list(texts),
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
    )
    ids, sections, lengths, lost = [], [], [], []
    before, behind = len(around.before), len(around.behind)
    for own, places, first in zip(found["input_ids"], found["offset_mapping"], starts, strict=True):
        kept = own[:room]
        # by its last character: a token may begin with the space before a section
        last = [max(end - 1, start) for start, end in places[:room]]
        at = np.searchsorted(np.asarray(first), last, side="right") - 1
        ids.append(np.concatenate([around.before, kept, around.behind]).astype(np.int64))
        sections.append(np.pad(at.astype(np.int64), (before, behind), constant_values=OUTSIDE))
        lengths.append(len(ids[-1]))
        lost.append(len(own) - len(kept))
    return TokenTexts(
        torch.from_numpy(np.concatenate(ids)),
        torch.from_numpy(np.concatenate(sections)),
        torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)])),
        torch.tensor(lost),
        int(tokenizer.pad_token_id or 0),
    )
