"""MIMIC-III 1.4, used in place: nothing about a patient is copied, data/raw lists checksums.

Credentialed access: Johnson et al., PhysioNet 2016, https://doi.org/10.13026/C2XW26. The open demo
(https://doi.org/10.13026/C2HM2Q) is the same tables of 100 patients, without the text of notes.
Where the files lie below FUSEHR_MIMIC3 is said in `fusehr.core.mimic_files`.
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from fusehr.core import mimic3_layout, mimic_layout
from fusehr.core.disk import naming
from fusehr.core.mimic_files import MIMIC3, FileEntry
from fusehr.core.params.raw import Mimic3Params
from fusehr.raw.in_place import list_in_place, write_all_empty
from fusehr.raw.restricted_remote import refuse_default_remote
from fusehr.raw.table_file import check, packed

# What MIMIC-III has not and later stages read: an emergency department, chest images, a graph.
ABSENT = ("ed", "cxr", "kg")


def write(folder: Path, params: Mimic3Params, remote: str) -> list[FileEntry]:
    """Check every table in place and return the entries; `folder` gets no row about a patient.

    The titles of ICD-9 codes are written there in MIMIC-IV's layout, and empty what MIMIC-III has
    not. Raises InputError where restricted data could reach the default remote, the folder or a
    file is missing, or a table is not whole.
    """
    refuse_default_remote(remote)
    used = [t for t in mimic3_layout.TABLES if params.notes or t is not mimic3_layout.NOTES]
    entries = list_in_place(MIMIC3, used, params.version, "raw.mimic3.version")
    if not params.notes:
        entries += write_all_empty(folder, [mimic3_layout.NOTES])
    entries += [_titles(folder, name, params) for name in ("d_icd_diagnoses", "d_icd_procedures")]
    empty = [t for t in mimic_layout.TABLES if t.part in ABSENT or t.name == "own_notes"]
    return entries + write_all_empty(folder, empty)


def _titles(folder: Path, name: str, params: Mimic3Params) -> FileEntry:
    """The dictionary `name` of ICD-9 codes, written to `folder` as MIMIC-IV has it."""
    source = MIMIC3.locate(MIMIC3.root(), mimic3_layout.table(f"mimic3/{name}"), params.version)
    opened = gzip.open if source.suffix == ".gz" else open
    table = mimic_layout.table(f"hosp/{name}")
    target = folder / table.file
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened(source, "rt", encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        places = {name.strip().lower(): place for place, name in enumerate(next(rows))}
        code, title = places["icd9_code"], places["long_title"]
        with naming(target), packed(target) as out:
            csv.writer(out, lineterminator="\n").writerows(
                [table.columns, *((row[code], 9, row[title]) for row in rows if row)]
            )
    return check(target, table, shown=table.file)
