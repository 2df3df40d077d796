"""List the files of a credentialed release where they lie: nothing of them is copied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import FileEntry, Release
from fusehr.core.mimic_layout import MimicTable
from fusehr.raw.table_file import check, write_empty


def list_in_place(
    release: Release, tables: Iterable[MimicTable], version: str, parameter: str
) -> list[FileEntry]:
    """Entries of `tables`, each checked where it lies.

    parameter: the one that `version` comes from, for messages. Raises InputError where the folder
    or a file is missing, the folder is another release's, or a table is not whole.
    """
    root = release.root()
    _check_version(release, root, version, parameter)
    # All are looked up before the first is read: hashing the large ones takes minutes.
    places = [(table, release.locate(root, table, version)) for table in tables]
    return [check(path, table, shown=release.shown(root, path)) for table, path in places]


def write_all_empty(folder: Path, tables: Iterable[MimicTable]) -> list[FileEntry]:
    """Write each of `tables` to `folder` with its header alone; the entries."""
    entries = []
    for table in tables:
        write_empty(folder / table.file, table)
        entries.append(check(folder / table.file, table, shown=table.file))
    return entries


def _check_version(release: Release, root: Path, version: str, parameter: str) -> None:
    """A folder named like a release (`mimiciv/2.2`) must be the release that params.yaml names."""
    found = root.resolve().name
    if re.fullmatch(r"\d+(\.\d+)+", found) and found != version:
        raise InputError(
            f"params.yaml: {parameter}: expected {found}, the folder that {release.variable} "
            f"names, found {version}"
        )
