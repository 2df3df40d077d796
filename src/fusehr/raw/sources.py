"""The sources that `raw.source` chooses from."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import RESTRICTED, SOURCES, NotesFileParams, expect_source
from fusehr.raw import (
    emr_csv,
    flat,
    manifest,
    meds,
    mimic3,
    mimic4,
    mimic4_demo,
    oneehr,
    own_notes,
    physionet2012,
)
from fusehr.raw.synthetic import cohort

# Sources that are a hospital's tables, beside which a user's own notes can stand.
HOSPITALS = ("synthetic", "mimic4_demo", "mimic4", "mimic3")


def write(source: str, params: StageParams, folder: Path) -> None:
    """Fill `folder` with the tables of `source`, a user's own notes and the manifest of all.

    Of the sources only the chosen one's block of params.yaml is read. Raises InputError where the
    source is unknown, or as it or own_notes says itself.
    """
    remote = params.section("raw.remote", str)
    notes = params.section("raw.notes_file", NotesFileParams | None)
    if notes is not None and source not in HOSPITALS:
        raise InputError(
            f"params.yaml: raw.notes_file: expected null, as raw.source is {source}; own notes "
            f"stand beside {', '.join(HOSPITALS)}"
        )
    expect_source(source)
    chosen = params.section(f"raw.{source}", SOURCES[source])
    version, restricted = None, source in RESTRICTED
    if source == "synthetic":
        cohort.write(folder, chosen)
        entries = manifest.complete(folder)
    elif source == "mimic4_demo":
        entries = mimic4_demo.write(folder, chosen)
    elif source == "physionet2012":
        entries = manifest.complete_events(folder, physionet2012.write(folder, chosen))
    elif source in ("mimic4", "mimic3"):
        release = {"mimic4": mimic4, "mimic3": mimic3}[source]
        entries, version = release.write(folder, chosen, remote), chosen.version
    else:
        own = {"oneehr": oneehr, "meds": meds, "flat": flat, "emr_csv": emr_csv}[source]
        entries, restricted = own.write(folder, chosen, remote), chosen.restricted
    if notes is not None:
        brought = own_notes.write(folder, notes)
        entries = [brought, *(entry for entry in entries if entry.name != brought.name)]
    manifest.write(folder, Manifest(source, restricted, tuple(entries), version))
