"""The full MIMIC-IV, used in place: nothing is copied, data/raw lists files and checksums.

Credentialed access: https://physionet.org/content/mimiciv/. Where each file lies below
FUSEHR_MIMIC4 is said in `fusehr.core.mimic_files`.
"""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import MIMIC4, FileEntry
from fusehr.core.mimic_layout import REQUIRED_PARTS, TABLES
from fusehr.core.params.raw import Mimic4Params
from fusehr.raw.in_place import list_in_place, write_all_empty
from fusehr.raw.restricted_remote import refuse_default_remote


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
    used = [t for t in TABLES if t.part in params.parts and not t.additional]
    entries = list_in_place(MIMIC4, used, params.version, "raw.mimic4.version")
    return entries + write_all_empty(folder, (table for table in TABLES if table not in used))
