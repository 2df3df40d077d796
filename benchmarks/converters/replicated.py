"""A drawn source several times over, with other ids: larger than one would care to draw.

Values, times and notes repeat from copy to copy; ids of patients, admissions and stays are shifted
by a constant a copy, so that nothing is a duplicate. Each file is written copy by copy, as
concatenated gzip members; nothing but one DuckDB block is in memory.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from converters.drawn import write_manifest
from fusehr.core.frame.files import output_folder

SHIFT = 100_000_000  # above every id of MIMIC-IV, so that copies never meet
IDS = ("subject_id", "hadm_id", "stay_id", "transfer_id", "study_id")
NAMES = ("note_id", "dicom_id")  # text that must differ from copy to copy too
SHARED = ("d_", "kg")  # dictionaries and graph: once


def replicated(source: Path, cache: Path, copies: int) -> Path:
    """The folder of `copies` copies of the files in `source`, written the first time."""
    if copies == 1:
        return source
    folder = cache / f"{source.name}-times-{copies}"
    if not folder.exists():
        print(f"writing {copies} copies of {source} to {folder}", flush=True)
        with output_folder(folder) as partial:
            for file in sorted(source.glob("*/*.csv.gz")):
                target = partial / file.relative_to(source)
                target.parent.mkdir(exist_ok=True)
                if file.name.startswith(SHARED) or file.parent.name in SHARED:
                    shutil.copyfile(file, target)
                else:
                    _repeat(file, target, copies)
            write_manifest(partial)
    return folder


def _repeat(file: Path, target: Path, copies: int) -> None:
    part = target.with_suffix(".part")
    with duckdb.connect(config={"threads": 1, "memory_limit": "2GB"}) as con:
        con.execute("SET enable_progress_bar = false")
        rows = con.read_csv(
            str(file),
            all_varchar=True,
            header=True,
            sep=",",
            quotechar='"',
            escapechar='"',
            max_line_size=1 << 24,
        )
        with target.open("wb") as whole:
            for copy in range(copies):
                shifted = [
                    f'("{name}"::BIGINT + {copy * SHIFT})::VARCHAR AS "{name}"'
                    for name in rows.columns
                    if name in IDS
                ]
                shifted += [
                    f'"{name}" || \'-{copy}\' AS "{name}"' for name in rows.columns if name in NAMES
                ]
                replaced = f"* REPLACE ({', '.join(shifted)})" if shifted else "*"
                con.execute(
                    f"COPY (SELECT {replaced} FROM rows) TO '{part}' "
                    f"(FORMAT csv, HEADER {'true' if copy == 0 else 'false'}, COMPRESSION gzip)"
                )
                with part.open("rb") as written:
                    shutil.copyfileobj(written, whole)
    part.unlink()
