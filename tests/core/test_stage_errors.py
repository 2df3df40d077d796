"""A stage that meets bad input ends with one clear line and a non-zero exit code."""

from __future__ import annotations

import pytest

from fusehr.core.frame.errors import InputError, LeakError
from fusehr.core.frame.stage import run


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    "error, line",
    [
        (InputError("a.csv: column b: expected, found c"), "error: a.csv: column b: expected"),
        (OSError(28, "No space left on device", "data/x"), "error: data/x: No space left on"),
        (FileNotFoundError(2, "No such file", "data/y"), "error: data/y: No such file"),
    ],
)
def test_errors_of_input_and_disk_are_one_line(error: Exception, line: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run(lambda: _raise(error))
    assert str(caught.value.code).startswith(line)


def test_a_leak_is_a_fault_of_the_program_and_keeps_its_traceback() -> None:
    with pytest.raises(LeakError):
        run(lambda: _raise(LeakError("sample_events: 3 rows")))
