"""MIMIC-IV's files to OneEHR tables: stage `tables` against other ways, in time and memory.

    python benchmarks/conversion.py [--patients 8000 32000] [--sides fusehr pandas ...] [--rounds 2]

Sides, each in processes of its own, by turns, on the same synthetic files without chest images:

- fusehr: stage `tables`, all of it (events, notes, codes, samples, labels, splits), two threads;
- events: of this the events alone, for folds that are given;
- pandas: the same by vectorised pandas: counts and sums of its rows are checked against ours;
- oneehr: OneEHR's own converter, step by step; a pandas pass per table, CSV out;
- meds: MIMIC-IV-MEDS 0.2.0 to MEDS, in an environment of its own;
- scan: a bare DuckDB scan of the same compressed files, nothing written.

Printed and written to conversion.json and conversion.md beside this script: the fastest round of
each side, in seconds and in seconds of processor time (which other work on the machine disturbs
less), and the peak of its processes together. Files and the environment are kept in --cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from converters import mimic_iv_meds
from converters.child import Measured, measured
from converters.drawn import drawn

HERE = Path(__file__).parent
SIDES = ("scan", "fusehr", "events", "pandas", "oneehr", "meds")
SCRIPTS = {
    "fusehr": "ours.py",
    "events": "ours.py",
    "pandas": "vectorised_pandas.py",
    "oneehr": "oneehr_way.py",
    "scan": "bare_scan.py",
}
# what each other way is measured against, and how many times as long it is to take
COMPARED = {"scan": "fusehr", "pandas": "events", "oneehr": "fusehr", "meds": "fusehr"}
AIMS = {"scan": 1 / 1.5, "pandas": 2.5, "oneehr": 5.0, "meds": 5.0}
COLUMNS = (
    *("patients", "side", "seconds", "of processor", "peak MiB"),
    *("against", "aim", "times its seconds", "its processor seconds", "its memory"),
)
SAME = """
    SELECT count(*), sum(patient_id), round(sum(value), 3), sum(visit_id),
        sum(epoch_us(event_time::TIMESTAMP)), sum(epoch_us(available_time::TIMESTAMP)),
        sum(hash(code || '/' || availability)::HUGEINT)
    FROM read_parquet(?)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[8000, 32000])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--memory-mb", type=int, default=256, help="tables.memory_mb of fusehr")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir(), "fusehr-conversion")
    )
    given = parser.parse_args()
    results = HERE / "conversion.json"
    found = json.loads(results.read_text()) if results.exists() else {}
    for patients in given.patients:
        raw = drawn(given.cache, patients)
        runs: dict[str, list[Measured]] = {side: [] for side in SIDES if side in given.sides}
        out = given.cache / "out"
        for _ in range(given.rounds):
            for side in runs:
                shutil.rmtree(out / side, ignore_errors=True)
                runs[side].append(run(side, raw, out, given.cache, given.memory_mb))
                print(f"{patients:7,} {side:7} {line(runs[side][-1])}", flush=True)
        if "events" in runs and "pandas" in runs:
            check_same(out)
        shutil.rmtree(out)
        # sides that were not run this time keep what they had
        kept = found.get(str(patients), {})
        found[str(patients)] = kept | {
            side: min(done, key=lambda one: one.seconds).as_json() for side, done in runs.items()
        }
        found[str(patients)]["memory_mb"] = given.memory_mb
        results.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
        page = markdown(found)
        (HERE / "conversion.md").write_text(page)
    print(markdown(found))


def run(side: str, raw: Path, out: Path, cache: Path, memory_mb: int) -> Measured:
    """One run of one side; what it writes lies in `out`/side."""
    script = HERE / "converters"
    own = out / side
    if side == "meds":
        return measured(*mimic_iv_meds.command(mimic_iv_meds.environment(cache), raw, own))
    command: list[str | Path] = [script / SCRIPTS[side], raw]
    if side != "scan":
        command.append(own)
    if side in ("fusehr", "events"):
        command += ["--memory-mb", str(memory_mb)]
    if side in ("events", "pandas"):
        command += ["--splits", splits(raw, out, cache)]
    return measured([sys.executable, *command], os.environ)


def splits(raw: Path, out: Path, cache: Path) -> Path:
    """Folds of the patients, as fusehr dealt them: pandas is given them."""
    path = out / "fusehr/tables/splits.parquet"
    kept = cache / f"{raw.name}-splits.parquet"
    if path.exists():
        shutil.copy(path, kept)
    if not kept.exists():
        sys.exit(f"{kept}: expected the folds; run the side fusehr first")
    return kept


def check_same(out: Path) -> None:
    """End where the events of pandas and ours are not the same rows, by count and sums."""
    with duckdb.connect() as con:
        ours, theirs = (
            con.execute(SAME, [str(out / path)]).fetchall()
            for path in ("events/tables/dynamic.parquet", "pandas/dynamic.parquet")
        )
    if ours != theirs:
        sys.exit(f"error: expected the same events, found {ours} and {theirs}")


def line(one: Measured) -> str:
    """Seconds, processor seconds, memory and what was counted."""
    return (
        f"{one.seconds:8.1f} s {one.cpu_seconds:8.1f} s of processor {one.peak_mib:7.0f} MiB"
        f"  {one.told}"
    )


def markdown(found: dict[str, Any]) -> str:
    """The page."""
    about = (__doc__ or "").strip().splitlines()
    lines = ["# Conversion of MIMIC-IV's files", "", *about[4:]]
    lines += ["", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for patients in sorted(found, key=int):
        sides = found[patients]
        for side in (side for side in SIDES if side in sides):
            one, own = sides[side], sides.get(COMPARED.get(side, ""))
            cells = [f"{int(patients):,}", side]
            cells += [f"{one[key]:.1f}" for key in ("seconds", "cpu_seconds")]
            cells.append(f"{one['peak_mib']:.0f}")
            if own:
                cells += [COMPARED[side], f"{AIMS[side]:.2f}"]
                cells += [f"{one[k] / own[k]:.2f}" for k in ("seconds", "cpu_seconds", "peak_mib")]
            else:
                cells += ["-"] * 5
            lines.append(f"| {' | '.join(cells)} |")
    memory = sorted({found[patients]["memory_mb"] for patients in found})
    lines += ["", f"tables.memory_mb: {', '.join(map(str, memory))} MiB."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
