"""The one kind of class that parameters are declared with."""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as pydantic_dataclass

C = TypeVar("C")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[C]) -> type[C]:
    """A frozen dataclass that refuses unknown fields and never converts a type."""
    made: Any = pydantic_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))(
        cls
    )
    return made
