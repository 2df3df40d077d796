"""Run a stage script: an error the user can mend is one clear message and a non-zero exit."""

from __future__ import annotations

import sys
from collections.abc import Callable

from fusehr.core.frame.errors import InputError


def run(main: Callable[[], None]) -> None:
    """Call `main`; InputError and OSError (a full disk names its file) end without a traceback."""
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(f"error: {where}{error.strerror or error}")


def say(text: str) -> None:
    """A line of progress, shown at once also where output is piped."""
    print(text, flush=True)
