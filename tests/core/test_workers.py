"""Work in processes of its own: results in order, what is logged meanwhile, errors."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.workers import in_processes, workers


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process started anew must find this module."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))


def double(number: int, *, log: Callable[[Any], None]) -> tuple[int, int]:
    log((number, os.getpid()))
    if number < 0:
        raise InputError(f"expected a natural number, found {number}")
    return number * 2, os.getpid()


def test_results_come_in_order_from_processes_of_their_own() -> None:
    logged: list[tuple[int, int]] = []
    found = list(in_processes(double, [(3,), (1,), (2,)], most=2, log=logged.append))
    assert [result for result, _ in found] == [6, 2, 4]
    assert os.getpid() not in {pid for _, pid in found}
    assert sorted(number for number, _ in logged) == [1, 2, 3]


def test_an_error_of_a_process_is_raised_here() -> None:
    with pytest.raises(InputError, match=r"^expected a natural number, found -1$"):
        list(in_processes(double, [(3,), (-1,)], most=2, log=lambda _: None))


def half(number: int) -> tuple[int, int]:
    return number // 2, os.getpid()


@pytest.mark.parametrize("most", [1, 2])
def test_one_at_a_time_needs_no_process(most: int) -> None:
    with workers(most) as side_by_side:
        found = [one for calls in ([(4,), (2,)], [(6,)]) for one in side_by_side(half, calls)]
    assert [result for result, _ in found] == [2, 1, 3]
    assert ({pid for _, pid in found} == {os.getpid()}) == (most == 1)
    assert len({pid for _, pid in found}) <= most
