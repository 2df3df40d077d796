"""How time and memory grow with the data, up to a hundred million charted values.

    python benchmarks/scale.py conversion [--copies 1 4 16 21] [--base 8000] [--memory-mb 512]
    python benchmarks/scale.py meds [--copies 1] [--base 8000] [--limit 7200]
    python benchmarks/scale.py meds_etl [--copies 1] [--base 8000] [--limit 7200]
    python benchmarks/scale.py pyhealth [--copies 1] [--base 8000] [--limit 7200]
    python benchmarks/scale.py stages [--patients 250 500 1000 2000]

- conversion: stage `tables` on the files of --base synthetic patients, written so many times over
  with other ids (21 copies of 8,000 patients: 100 million rows of chartevents). Its time ought to
  be linear, and its memory bounded by tables.memory_mb, beyond which DuckDB spills to disk.
- meds: MIMIC-IV-MEDS 0.2.0 (MEDS-transforms) on the same files.
- meds_etl: meds_etl 0.3.11, its converter of MIMIC-IV, on the same files.
- pyhealth: PyHealth 2.1.0 on the same files: MIMIC4EHRDataset's events and one task's samples.
- stages: the whole pipeline in a clean clone for each number of patients, stage by stage: seconds
  against the number of samples, summed up by embed, rag, train, evaluate.

What the others do of that which stage `tables` does, and what not, stands at the head of their
modules in converters/. Each part can be run alone; a size's result is added to scale.json, scale.md
and scale.png beside this script as soon as it is there, also that it failed or passed --limit.
Files and environments are kept in --cache: 6 GB for 21 copies, and 30 GB more while they are
converted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import matplotlib
import yaml
from converters import meds_etl_mimic, meds_extract, pyhealth_mimic4
from converters.child import CommandFailed, measured
from converters.drawn import drawn
from converters.replicated import replicated

from fusehr.clone import clean_clone
from fusehr.core.frame.files import write_json

HERE = Path(__file__).parent
ROOT = HERE.parent
OTHERS = {"meds": meds_extract, "meds_etl": meds_etl_mimic, "pyhealth": pyhealth_mimic4}
CONVERTERS = ("conversion", *OTHERS)
GROUPS = ("embed", "rag", "train", "evaluate")
RUNNING = re.compile(r"Running stage '([^']+)':")


def convert(given: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Seconds and peak of the conversion (or of another's), by number of patients."""
    for copies in given.copies:
        raw = replicated(drawn(given.cache, given.base), given.cache, copies)
        patients = copies * given.base
        one = {"patients": patients, "chartevents": rows(raw)}
        size = str(patients)
        with tempfile.TemporaryDirectory(dir=given.cache, prefix="out-") as out:
            if given.part in OTHERS:
                other = OTHERS[given.part]
                command, env = other.command(other.environment(given.cache), raw, Path(out))
            else:
                script = HERE / "converters/ours.py"
                command = [sys.executable, script, raw, out, "--memory-mb", str(given.memory_mb)]
                env = os.environ
                one["memory_mb"] = given.memory_mb
                size = f"{patients} within {given.memory_mb} MiB"
            try:
                one |= measured(command, env, limit=given.limit).as_json()
            except CommandFailed as failed:
                print(failed, flush=True)
                one |= failed.used.as_json() | {"failed": failed.reason}
        print(
            f"{patients:,} patients: {one['seconds']:.0f} s, {one['peak_mib']:.0f} MiB", flush=True
        )
        yield size, one


def rows(raw: Path) -> int:
    """Rows of chartevents."""
    with duckdb.connect() as con:
        file = str(raw / "icu/chartevents.csv.gz")
        ((count,),) = con.execute(
            "SELECT count(*) FROM read_csv(?, all_varchar = true, header = true)", [file]
        ).fetchall()
    return int(count)


def stages(given: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Seconds of each stage of the whole pipeline, by number of patients."""
    for patients in given.patients:
        with clean_clone(ROOT) as clone, tempfile.TemporaryDirectory() as cache:
            params = yaml.safe_load((clone / "params.yaml").read_text())
            params["raw"]["synthetic"]["patients"] = patients
            (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
            # its own caches, so that no stage and no text is taken from an earlier run
            env = os.environ | {
                "PYTHONPATH": str(clone / "src"),
                "FUSEHR_CACHE": cache,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            }
            seconds = timed_stages(clone, env)
            labels = json.loads((clone / "metrics/tables.json").read_text())["tasks"]
            samples = sum(task["samples"] for task in labels.values())
        print(f"{patients:6,} patients, {samples:,} samples: {grouped(seconds)}", flush=True)
        yield str(patients), {"samples": samples, "seconds": seconds}


def timed_stages(clone: Path, env: dict[str, str]) -> dict[str, float]:
    """Run `dvc repro evaluate` and take the time from one stage's start to the next one's."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "evaluate"],
        cwd=clone,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    seconds: dict[str, float] = {}
    stage, begun, output = "", time.perf_counter(), []
    for line in process.stdout:
        output.append(line)
        if started := RUNNING.search(line):
            now = time.perf_counter()
            if stage:
                seconds[stage] = round(now - begun, 1)
            stage, begun = started[1], now
    if process.wait():
        sys.exit(f"{''.join(output[-40:])}\nerror: dvc repro failed")
    return seconds | {stage: round(time.perf_counter() - begun, 1)}


def grouped(seconds: dict[str, float]) -> dict[str, float]:
    """Seconds by room: `train@emerge` and `train-images` are train."""
    found = dict.fromkeys(GROUPS, 0.0)
    for stage, spent in seconds.items():
        room = re.split("[@-]", stage)[0]
        if room in found:
            found[room] += spent
    return {room: round(spent, 1) for room, spent in found.items()}


def markdown(found: dict[str, Any]) -> str:
    """Tables of all parts that were run.

    Growth is the processor's time a row, which other work on the machine disturbs less than time
    on the clock, as a multiple of the smallest size's.
    """
    lines = ["# Growth of time and memory", ""]
    lines += [(__doc__ or "").split("\n\n")[2]]  # what each part is
    for part in CONVERTERS:
        if part not in found:
            continue
        lines += ["", f"## {part}", ""]
        lines += [
            "| patients | rows of chartevents | seconds | of processor | peak MiB "
            "| processor µs a row | growth |",
            "|---|---|---|---|---|---|---|",
        ]
        sizes = by_rows(found[part])
        first = next((a_row(one) for one in sizes if "failed" not in one), None)
        for one in sizes:
            within = f" (memory_mb {one['memory_mb']})" if "memory_mb" in one else ""
            cells = [
                f"{one['patients']:,}{within}",
                f"{one['chartevents']:,}",
                f"{one['seconds']:.0f}",
            ]
            if "failed" in one:
                cells += [one["failed"], f"{one['peak_mib']:.0f}", "", ""]
            else:
                cells += [f"{one['cpu_seconds']:.0f}", f"{one['peak_mib']:.0f}"]
                cells += [f"{a_row(one) * 1e6:.2f}", f"{a_row(one) / first:.2f}"]
            lines.append(f"| {' | '.join(cells)} |")
    if "stages" in found:
        lines += ["", "## stages", "", f"| patients | samples | {' | '.join(GROUPS)} |"]
        lines += ["|---" * (2 + len(GROUPS)) + "|"]
        for patients in sorted(found["stages"], key=int):
            one = found["stages"][patients]
            spent = " | ".join(f"{s:.1f}" for s in grouped(one["seconds"]).values())
            lines.append(f"| {int(patients):,} | {one['samples']:,} | {spent} |")
    return "\n".join(lines) + "\n"


def by_rows(sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """The sizes of one part, smallest first."""
    return sorted(sizes.values(), key=lambda one: (one["chartevents"], one.get("memory_mb", 0)))


def a_row(one: dict[str, Any]) -> float:
    """Seconds of processor time for each row of chartevents."""
    return one["cpu_seconds"] / one["chartevents"]


def picture(found: dict[str, Any], path: Path) -> None:
    """Processor time and memory of each converter by rows; seconds of each room by samples."""
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, (time_axis, memory_axis, stage_axis) = plt.subplots(
        1, 3, figsize=(12, 3.5), layout="constrained"
    )
    for part in CONVERTERS:
        sizes = [one for one in by_rows(found.get(part, {})) if "failed" not in one]
        if sizes:
            x = [one["chartevents"] / 1e6 for one in sizes]
            time_axis.plot(x, [one["cpu_seconds"] for one in sizes], "o-", label=part)
            memory_axis.plot(x, [one["peak_mib"] for one in sizes], "o-", label=part)
    by_samples = sorted(found.get("stages", {}).values(), key=lambda one: one["samples"])
    for room in GROUPS if by_samples else ():
        y = [grouped(one["seconds"])[room] for one in by_samples]
        stage_axis.plot([one["samples"] for one in by_samples], y, "o-", label=room)
    for axis, label in (
        (time_axis, "processor seconds"),
        (memory_axis, "peak memory, MiB"),
        (stage_axis, "seconds"),
    ):
        axis.set(ylabel=label, xlabel="rows of chartevents, millions", ylim=(0, None))
        if axis.lines:
            axis.legend(frameon=False)
    stage_axis.set_xlabel("samples")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=[*CONVERTERS, "stages"])
    parser.add_argument("--copies", type=int, nargs="+")
    parser.add_argument("--base", type=int, default=8000, help="patients of one copy")
    parser.add_argument("--memory-mb", type=int, default=512)
    parser.add_argument("--patients", type=int, nargs="+", default=[250, 500, 1000, 2000])
    parser.add_argument("--limit", type=float, default=7200, help="seconds that a run may take")
    parser.add_argument("--keep", action="store_true", help="keep the copies")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir(), "fusehr-conversion")
    )
    given = parser.parse_args()
    given.copies = given.copies or ([1] if given.part in OTHERS else [1, 4, 16, 21])
    results = HERE / "scale.json"
    measure = stages if given.part == "stages" else convert
    for size, one in measure(given):
        found = json.loads(results.read_text()) if results.exists() else {}
        found.setdefault(given.part, {})[size] = one
        write_json(results, found)
        (HERE / "scale.md").write_text(markdown(found))
        picture(found, HERE / "scale.png")
    if not given.keep:
        for folder in given.cache.glob("*-times-*"):
            shutil.rmtree(folder)
    print(markdown(found))


if __name__ == "__main__":
    main()
