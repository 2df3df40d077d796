"""What is refused, as a status and one plain message that never repeats what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

LISTED = 5  # of the problems of one case
NAME_LENGTH = 40  # of a field's name in a message: unknown ones are the caller's own


class RefusedError(Exception):
    """A request that is not answered."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


def in_words(error: ValidationError) -> str:
    """Where a case is not as expected, and what was expected."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{_place(one['loc'])}{one['msg']}" for one in problems[:LISTED]]
    if len(problems) > LISTED:
        lines.append(f"and {len(problems) - LISTED} more")
    return "; ".join(lines)


def _place(path: Sequence[Any]) -> str:
    names = ".".join(str(part)[:NAME_LENGTH] for part in path)
    return f"{names}: " if names else ""
