"""Where the files of a folder in OneEHR's form lie in data/raw, and which labels are tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import Task

FOLDER = "oneehr"
SETTINGS = "settings.json"
ENDINGS = (".parquet", ".csv")


@dataclass(frozen=True)
class Settings:
    """labels: names of the label files without ending. tasks: label_code by task; none: all.

    variables: code and factor by variable; other codes keep their names.
    """

    labels: list[str]
    tasks: dict[Task, str]
    variables: dict[str, tuple[str, float]]


def table_file(folder: Path, name: str) -> Path:
    """`name`.parquet or .csv in `folder`; InputError where there is neither or both."""
    found = [path for path in (folder / f"{name}{ending}" for ending in ENDINGS) if path.is_file()]
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"{folder / name}: expected a file that ends in {' or '.join(ENDINGS)}, "
        f"found {'both' if found else 'none'}"
    )
