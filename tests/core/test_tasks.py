"""Tasks: MIMIC's in their order, others by name, and a parameter's value for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import TASKS, ByTask, Task, base, in_order, of_task

NAMES = st.sampled_from([*TASKS, "mortality@day0", "outcome", "outcome@day1", "sepsis"])


@given(st.lists(NAMES))
def test_the_order_is_one_whatever_it_was(tasks: list[str]) -> None:
    ordered = in_order(tasks)
    assert set(ordered) == set(tasks)
    assert in_order(reversed(tasks)) == ordered
    known = [task for task in ordered if task in TASKS]
    assert known == [task for task in TASKS if task in tasks]


def test_a_horizon_follows_its_task() -> None:
    assert in_order(["sepsis", "readmission", "mortality@day0", "mortality"]) == (
        "mortality",
        "mortality@day0",
        "readmission",
        "sepsis",
    )
    assert base("mortality@day0") == "mortality"


def test_a_value_is_that_of_the_task_its_base_or_others() -> None:
    values = {"mortality": 1, "mortality@day0": 2, "other": 3}
    assert of_task(values, "mortality@day0", "x") == 2
    assert of_task(values, "mortality@day1", "x") == 1
    assert of_task(values, "sepsis@day1", "x") == 3
    assert ByTask(values, "x")["sepsis"] == 3
    with pytest.raises(InputError, match=r"params.yaml: x.y: expected a value for sepsis"):
        of_task({"mortality": 1}, "sepsis", "x.y")


@pytest.mark.parametrize("name", ["", "Mortality", "a b", "a@", "../a", "a@b@c", "a/b", "a'b"])
def test_a_task_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Task).validate_python(name)
