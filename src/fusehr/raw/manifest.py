"""List what a source wrote: every table checked, every other file hashed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from fusehr.core.disk import naming
from fusehr.core.frame.files import sha256_of, write_json
from fusehr.core.mimic_files import MANIFEST, FileEntry, Manifest
from fusehr.core.mimic_layout import OPTIONAL_PARTS, TABLES
from fusehr.raw.table_file import check, write_empty

DICTIONARIES = ("hosp/d_icd_diagnoses", "hosp/d_icd_procedures")


def complete(folder: Path, checked: Sequence[FileEntry] = ()) -> list[FileEntry]:
    """Entries of all files in `folder`; tables of optional parts that it lacks are written empty.

    `checked` are the entries of tables that need no second look.

    Raises InputError where a table of a required part is missing, or any table is not whole.
    """
    entries = list(checked)
    known = {entry.name for entry in checked}
    for table in (table for table in TABLES if table.file not in known):
        path = folder / table.file
        if table.part in OPTIONAL_PARTS and not path.exists():
            write_empty(path, table)
        entries.append(check(path, table, shown=table.file))
    listed = {entry.name for entry in entries}
    return entries + entries_of(folder, besides=listed)


def complete_events(folder: Path, checked: Sequence[FileEntry] = ()) -> list[FileEntry]:
    """Entries of all files in `folder`, of a source whose form is not MIMIC's; `checked` are known.

    The tables of codes and of the knowledge graph, which it lacks, are written empty.
    """
    for table in TABLES:
        if table.part == "kg" or table.key in DICTIONARIES:
            write_empty(folder / table.file, table)
    return [*checked, *entries_of(folder, besides={entry.name for entry in checked})]


def entries_of(folder: Path, besides: Collection[str] = ()) -> list[FileEntry]:
    """Entries of the files in `folder`, hashed, but of those named in `besides`."""
    names = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())
    return [
        FileEntry(name, (folder / name).stat().st_size, sha256_of(folder / name))
        for name in names
        if name not in besides
    ]


def write(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into `folder`: sorted, without times or paths of this host."""
    with naming(folder / MANIFEST):
        write_json(folder / MANIFEST, manifest.as_json())
