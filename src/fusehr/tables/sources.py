"""Which kind of source data/raw holds."""

from __future__ import annotations

from fusehr.core.frame.errors import InputError
from fusehr.core.mimic_files import Manifest
from fusehr.tables.contract import Relations
from fusehr.tables.emr_csv.files import read_emr_csv
from fusehr.tables.events.build import Events
from fusehr.tables.flat.files import read_flat
from fusehr.tables.meds.files import read_meds
from fusehr.tables.mimic3.files import attach_mimic3, count_left_out
from fusehr.tables.mimic4.build import Mimic
from fusehr.tables.oneehr.files import read_oneehr
from fusehr.tables.physionet2012.records import read_physionet2012

KINDS: dict[str, Relations] = {
    "synthetic": Mimic(),
    "mimic4_demo": Mimic(),
    "mimic4": Mimic(),
    "mimic3": Mimic(attach_mimic3, count_left_out),
    "physionet2012": Events(read_physionet2012),
    "oneehr": Events(read_oneehr),
    "meds": Events(read_meds),
    "flat": Events(read_flat),
    "emr_csv": Events(read_emr_csv),
}


def relations_of(manifest: Manifest) -> Relations:
    """How the source's files become tables; InputError where the manifest names no known source."""
    try:
        return KINDS[manifest.source]
    except KeyError:
        raise InputError(
            f"data/raw/manifest.json: source: expected one of {', '.join(KINDS)}, "
            f"found {manifest.source}"
        ) from None
