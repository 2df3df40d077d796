"""The sources that `raw.source` chooses from."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import (
    RESTRICTED,
    FlatParams,
    MedsParams,
    Mimic4DemoParams,
    Mimic4Params,
    OneEhrParams,
    Physionet2012Params,
    SyntheticParams,
)
from fusehr.raw import flat, manifest, meds, mimic4, mimic4_demo, oneehr, physionet2012
from fusehr.raw.synthetic import cohort

SOURCES = ("synthetic", "mimic4_demo", "mimic4", "physionet2012", "oneehr", "meds", "flat")


def write(source: str, params: StageParams, folder: Path) -> None:
    """Fill `folder` with the tables of `source` and their manifest.

    Only the chosen source's own block of params.yaml is read. Raises InputError where the source is
    unknown, or as it says itself.
    """
    remote = params.section("raw.remote", str)
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
    elif source == "oneehr":
        of_folder = params.section("raw.oneehr", OneEhrParams)
        entries, restricted = oneehr.write(folder, of_folder, remote), of_folder.restricted
    elif source == "meds":
        dataset = params.section("raw.meds", MedsParams)
        entries, restricted = meds.write(folder, dataset, remote), dataset.restricted
    elif source == "flat":
        table = params.section("raw.flat", FlatParams)
        entries, restricted = flat.write(folder, table, remote), table.restricted
    elif source == "physionet2012":
        challenge = params.section("raw.physionet2012", Physionet2012Params)
        physionet2012.write(folder, challenge)
        entries = manifest.complete_events(folder)
    else:
        raise InputError(
            f"params.yaml: raw.source: expected one of {', '.join(SOURCES)}, found {source}"
        )
    manifest.write(folder, Manifest(source, restricted, tuple(entries), version))
