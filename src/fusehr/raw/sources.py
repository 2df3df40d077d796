"""The sources that `raw.source` chooses from."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import (
    RESTRICTED,
    Mimic3Params,
    Mimic4DemoParams,
    Mimic4Params,
    NotesFileParams,
    OneEhrParams,
    Physionet2012Params,
    SyntheticParams,
)
from fusehr.raw import (
    manifest,
    mimic3,
    mimic4,
    mimic4_demo,
    oneehr,
    own_notes,
    physionet2012,
)
from fusehr.raw.synthetic import cohort

SOURCES = ("synthetic", "mimic4_demo", "mimic4", "mimic3", "physionet2012", "oneehr")
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
    version, restricted = None, source in RESTRICTED
    if source == "synthetic":
        cohort.write(folder, params.section("raw.synthetic", SyntheticParams))
        entries = manifest.complete(folder)
    elif source == "mimic4_demo":
        entries = mimic4_demo.write(folder, params.section("raw.mimic4_demo", Mimic4DemoParams))
    elif source == "mimic4":
        chosen = params.section("raw.mimic4", Mimic4Params)
        version = chosen.version
        entries = mimic4.write(folder, chosen, remote)
    elif source == "mimic3":
        chosen = params.section("raw.mimic3", Mimic3Params)
        version = chosen.version
        entries = mimic3.write(folder, chosen, remote)
    elif source == "oneehr":
        of_folder = params.section("raw.oneehr", OneEhrParams)
        entries, restricted = oneehr.write(folder, of_folder, remote), of_folder.restricted
    elif source == "physionet2012":
        challenge = params.section("raw.physionet2012", Physionet2012Params)
        physionet2012.write(folder, challenge)
        entries = manifest.complete_events(folder)
    else:
        raise InputError(
            f"params.yaml: raw.source: expected one of {', '.join(SOURCES)}, found {source}"
        )
    if notes is not None:
        brought = own_notes.write(folder, notes)
        entries = [brought, *(entry for entry in entries if entry.name != brought.name)]
    manifest.write(folder, Manifest(source, restricted, tuple(entries), version))
