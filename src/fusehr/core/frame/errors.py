"""The errors that a user can mend."""

from __future__ import annotations


class InputError(Exception):
    """Bad input: the message names the file, column or parameter, what was expected and found.

    Messages never carry data rows or note text, only ids and column names.
    """


class LeakError(Exception):
    """A row reached a sample that could not have known it: a fault of the pipeline, not of data."""
