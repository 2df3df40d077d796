"""Choices read off uniform draws that were made beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Picker:
    """Uses up one of `marks`, uniform on [0, 1), a choice; StopIteration when none is left."""

    def __init__(self, marks: Sequence[float]) -> None:
        self._left = iter(marks)

    def mark(self) -> float:
        """The next draw itself."""
        return next(self._left)

    def __call__(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[int(next(self._left) * len(options))]

    def happens(self, chance: float) -> bool:
        """True with this chance."""
        return next(self._left) < chance

    def shuffled(self, things: Sequence[T]) -> list[T]:
        """The things in random order."""
        keys = [next(self._left) for _ in things]
        return [things[i] for i in sorted(range(len(keys)), key=keys.__getitem__)]
