"""MIMIC-IV Clinical Database Demo 2.2: 100 patients, open to all.

Johnson et al., PhysioNet 2023, https://doi.org/10.13026/dp1f-ex47, Open Database Licence 1.0. It
has no notes, images or emergency department; their tables are written empty.
"""

from __future__ import annotations

import shutil
import sys
from importlib import resources
from pathlib import Path

from fusehr.core.disk import naming
from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import FileEntry
from fusehr.core.mimic_layout import REQUIRED_PARTS, TABLES, MimicTable
from fusehr.core.params.raw import Mimic4DemoParams
from fusehr.raw import manifest
from fusehr.raw.physionet import Origin, checksums, origin
from fusehr.raw.table_file import check

PROJECT = "mimic-iv-demo/2.2"
LISTING = "SHA256SUMS.txt"


def write(folder: Path, params: Mimic4DemoParams) -> list[FileEntry]:
    """Bring the demo's tables into `folder` and return an entry for each file there.

    With `verify`, InputError names each file whose checksum is not the published one, or that has
    none; without, a warning names them.
    """
    source = origin(PROJECT, params.url)
    needed = [table for table in TABLES if table.part in REQUIRED_PARTS]
    entries = [_bring(source, table, folder / table.file) for table in needed]
    expected, gap = published(source)
    problems = {}
    for entry in entries:
        wanted = expected.get(entry.name)
        if wanted is None:
            problems[entry.name] = f"expected a published SHA-256, found {gap}"
        elif entry.sha256 != wanted:
            problems[entry.name] = f"expected SHA-256 {wanted}, found {entry.sha256}"
    if problems and params.verify:
        for name in problems.keys() & expected.keys():
            source.refuse(name)  # one without a checksum may well be right, and stays in the cache
        lines = "\n".join(f"{name}: {problem}" for name, problem in problems.items())
        raise InputError(f"{lines}\nto take them as they are, set raw.mimic4_demo.verify to false")
    for name, problem in problems.items():
        print(f"warning: {name}: {problem}; taken as it is", file=sys.stderr, flush=True)
    return manifest.complete(folder, entries)


def _bring(source: Origin, table: MimicTable, target: Path) -> FileEntry:
    target.parent.mkdir(parents=True, exist_ok=True)
    origin_file = source.file(table.file)
    with naming(target):
        shutil.copyfile(origin_file, target)
    try:
        return check(target, table, shown=table.file)
    except InputError:
        source.refuse(table.file)
        raise


def published(source: Origin) -> tuple[dict[str, str], str]:
    """Published SHA-256 by file, pinned beside this module or else listed at `source`.

    The second value says why files may be left without one.
    """
    pinned = checksums((resources.files("fusehr.raw") / "mimic4_demo.sha256").read_text())
    wanted = {table.file for table in TABLES if table.part in REQUIRED_PARTS}
    if wanted <= pinned.keys():
        return pinned, ""
    try:
        listed = checksums(source.file(LISTING).read_text(errors="replace"))
    except InputError as error:
        return pinned, f"none pinned and no list of them ({error})"
    if not wanted <= listed.keys() | pinned.keys():
        source.refuse(LISTING)
    return listed | pinned, f"none pinned and none in {LISTING}"
