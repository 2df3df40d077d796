"""The full MIMIC-IV, used in place: nothing is copied, data/raw lists files and checksums.

Credentialed access: https://physionet.org/content/mimiciv/. Where each file lies below
FUSEHR_MIMIC4 is said in `fusehr.core.mimic_files`.
"""

from __future__ import annotations

import re
from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import VARIABLE, FileEntry, locate, mimic4_root, shown_below
from fusehr.core.mimic_layout import REQUIRED_PARTS, TABLES
from fusehr.core.params.raw import Mimic4Params
from fusehr.raw.restricted_remote import refuse_default_remote
from fusehr.raw.table_file import check, write_empty


def write(folder: Path, params: Mimic4Params, remote: str) -> list[FileEntry]:
    """Check every table in place and return the entries; `folder` gets no row of it.

    Tables of parts that `params.parts` leaves out are written there empty, header only.

    Raises InputError where restricted data could reach the default remote, the folder or a file is
    missing, a required part is left out, or a table is not whole.
    """
    refuse_default_remote(remote)
    for part in REQUIRED_PARTS:
        if part not in params.parts:
            raise InputError(
                f"params.yaml: raw.mimic4.parts: expected {part} among them, "
                f"found {', '.join(params.parts) or 'none'}"
            )
    root = mimic4_root()
    _check_version(root, params.version)
    # All are looked up before the first is read: hashing the large ones takes minutes.
    places = {
        t.key: locate(root, t, params.version)
        for t in TABLES
        if t.part in params.parts and not t.additional
    }
    entries = []
    for table in TABLES:
        if table.key in places:
            path = places[table.key]
            entries.append(check(path, table, shown=shown_below(root, path)))
        else:
            write_empty(folder / table.file, table)
            entries.append(check(folder / table.file, table, shown=table.file))
    return entries


def _check_version(root: Path, version: str) -> None:
    """A folder named like a release (`mimiciv/2.2`) must be the release that params.yaml names."""
    found = root.resolve().name
    if re.fullmatch(r"\d+(\.\d+)+", found) and found != version:
        raise InputError(
            f"params.yaml: raw.mimic4.version: expected {found}, the folder that {VARIABLE} names, "
            f"found {version}"
        )
