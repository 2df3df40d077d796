"""MIMIC-IV-shaped files of the synthetic source, without chest images, kept in a folder."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fusehr.core.frame.files import output_folder
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import ChestImageParams, SignalParams, SyntheticParams
from fusehr.raw import manifest
from fusehr.raw.synthetic import cohort

PARAMS = SyntheticParams(
    patients=1,
    seed=20,
    long_stay_share=0.58,
    dirty_share=0.002,
    signal=SignalParams(severity=1, notes=1, image=1, graph=1),
    # no other converter reads images, so that no side packs any
    images=ChestImageParams(size=16, pool=0),
)


def drawn(cache: Path, patients: int) -> Path:
    """The folder `cache`/synthetic-`patients`, drawn the first time."""
    folder = cache / f"synthetic-{patients}"
    if not folder.exists():
        print(f"drawing {patients:,} patients into {folder}", flush=True)
        with ProcessPoolExecutor(1) as pool:  # a child's peak begins with that of its parent
            pool.submit(_draw, folder, patients).result()
    return folder


def _draw(folder: Path, patients: int) -> None:
    with output_folder(folder) as partial:
        cohort.write(partial, dataclasses.replace(PARAMS, patients=patients))
        for shard in (partial / "cxr").glob("images-*.tar"):
            shard.unlink()
        write_manifest(partial)


def write_manifest(folder: Path) -> None:
    """List the files of `folder` as stage `raw` does."""
    manifest.write(folder, Manifest("synthetic", False, tuple(manifest.complete(folder)), None))
