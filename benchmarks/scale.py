"""How time and memory grow with the data, up to a hundred million charted values.

    python benchmarks/scale.py conversion [--copies 1 4 16 21] [--base 8000] [--memory-mb 512]
    python benchmarks/scale.py meds [--copies 1] [--limit 7200]
    python benchmarks/scale.py stages [--patients 500 1000 2000 4000]

- conversion: stage `tables` on the files of --base synthetic patients, written so many times over
  with other ids (21 copies of 8,000 patients: 100 million rows of chartevents). Its time ought to
  be linear, and its memory bounded by tables.memory_mb, beyond which DuckDB spills to disk.
- meds: MIMIC-IV-MEDS 0.2.0 (MEDS-transforms) on the same files.
- stages: the whole pipeline in a clean clone for each number of patients, stage by stage: seconds
  against the number of samples, summed up by embed, rag, train, evaluate.

Each part can be run alone; results are added to scale.json, scale.md and scale.png beside this
script. Files and environments are kept in --cache: 6 GB for 21 copies, and 30 GB more while they
are converted.
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
from pathlib import Path
from typing import Any

import duckdb
import matplotlib
import yaml
from converters import mimic_iv_meds
from converters.child import measured
from converters.drawn import drawn
from converters.replicated import replicated

from fusehr.clone import clean_clone
from fusehr.core.frame.files import write_json

HERE = Path(__file__).parent
ROOT = HERE.parent
GROUPS = ("embed", "rag", "train", "evaluate")
RUNNING = re.compile(r"Running stage '([^']+)':")


def convert(given: argparse.Namespace) -> dict[str, Any]:
    """Seconds and peak of the conversion (or of MEDS) by number of copies."""
    found = {}
    for copies in given.copies:
        raw = replicated(drawn(given.cache, given.base), given.cache, copies)
        with tempfile.TemporaryDirectory(dir=given.cache, prefix="out-") as out:
            if given.part == "meds":
                bin_folder = mimic_iv_meds.environment(given.cache)
                command, env = mimic_iv_meds.command(bin_folder, raw, Path(out))
                one = measured(command, env, limit=given.limit)
            else:
                script = HERE / "converters/ours.py"
                command = [sys.executable, script, raw, out, "--memory-mb", str(given.memory_mb)]
                one = measured(command, os.environ, limit=given.limit)
        found[str(copies)] = one.as_json() | {
            "patients": copies * given.base,
            "chartevents": rows(raw),
            "memory_mb": given.memory_mb,
        }
        print(f"{copies:3} times: {one.seconds:.0f} s, {one.peak_mib:.0f} MiB", flush=True)
    return found


def rows(raw: Path) -> int:
    """Rows of chartevents."""
    with duckdb.connect() as con:
        file = str(raw / "icu/chartevents.csv.gz")
        ((count,),) = con.execute(
            "SELECT count(*) FROM read_csv(?, all_varchar = true, header = true)", [file]
        ).fetchall()
    return int(count)


def stages(given: argparse.Namespace) -> dict[str, Any]:
    """Seconds of each stage of the whole pipeline, by number of patients."""
    found = {}
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
        found[str(patients)] = {"samples": samples, "seconds": seconds}
        print(f"{patients:6,} patients, {samples:,} samples: {grouped(seconds)}", flush=True)
    return found


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
    """Tables of all parts that were run; growth: time a row, as a multiple of the first line's."""
    lines = ["# Growth of time and memory", ""]
    lines += (__doc__ or "").strip().splitlines()[6:13]
    for part in ("conversion", "meds"):
        if part not in found:
            continue
        lines += ["", f"## {part}", ""]
        lines += ["| patients | rows of chartevents | seconds | of processor | peak MiB | growth |"]
        lines += ["|---|---|---|---|---|---|"]
        sizes = sorted(found[part].values(), key=lambda one: one["chartevents"])
        first = sizes[0]["seconds"] / sizes[0]["chartevents"]
        lines += [
            f"| {one['patients']:,} | {one['chartevents']:,} | {one['seconds']:.0f} "
            f"| {one['cpu_seconds']:.0f} | {one['peak_mib']:.0f} "
            f"| {one['seconds'] / one['chartevents'] / first:.2f} |"
            for one in sizes
        ]
        if part == "conversion":
            lines += ["", f"tables.memory_mb: {sizes[-1]['memory_mb']}."]
    if "stages" in found:
        lines += ["", "## stages", "", f"| patients | samples | {' | '.join(GROUPS)} |"]
        lines += ["|---" * (2 + len(GROUPS)) + "|"]
        for patients in sorted(found["stages"], key=int):
            one = found["stages"][patients]
            spent = " | ".join(f"{s:.1f}" for s in grouped(one["seconds"]).values())
            lines.append(f"| {int(patients):,} | {one['samples']:,} | {spent} |")
    return "\n".join(lines) + "\n"


def picture(found: dict[str, Any], path: Path) -> None:
    """Seconds and memory of the conversion by rows; seconds of each room by samples."""
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, (time_axis, memory_axis, stage_axis) = plt.subplots(
        1, 3, figsize=(12, 3.5), layout="constrained"
    )
    for part in ("conversion", "meds"):
        sizes = sorted(found.get(part, {}).values(), key=lambda one: one["chartevents"])
        x = [one["chartevents"] / 1e6 for one in sizes]
        time_axis.plot(x, [one["seconds"] for one in sizes], "o-", label=part)
        memory_axis.plot(x, [one["peak_mib"] for one in sizes], "o-", label=part)
    by_samples = sorted(found.get("stages", {}).values(), key=lambda one: one["samples"])
    for room in GROUPS:
        y = [grouped(one["seconds"])[room] for one in by_samples]
        stage_axis.plot([one["samples"] for one in by_samples], y, "o-", label=room)
    for axis, label in (
        (time_axis, "seconds"),
        (memory_axis, "peak memory, MiB"),
        (stage_axis, "seconds"),
    ):
        axis.set(ylabel=label, xlabel="rows of chartevents, millions", ylim=(0, None))
        axis.legend(frameon=False)
    stage_axis.set_xlabel("samples")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["conversion", "meds", "stages"])
    parser.add_argument("--copies", type=int, nargs="+")
    parser.add_argument("--base", type=int, default=8000, help="patients of one copy")
    parser.add_argument("--memory-mb", type=int, default=512)
    parser.add_argument("--patients", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    parser.add_argument("--limit", type=float, default=7200, help="seconds that a run may take")
    parser.add_argument("--keep", action="store_true", help="keep the copies")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir(), "fusehr-conversion")
    )
    given = parser.parse_args()
    given.copies = given.copies or ([1] if given.part == "meds" else [1, 4, 16, 21])
    results = HERE / "scale.json"
    found = json.loads(results.read_text()) if results.exists() else {}
    measure = stages if given.part == "stages" else convert
    found[given.part] = found.get(given.part, {}) | measure(given)
    write_json(results, found)
    (HERE / "scale.md").write_text(markdown(found))
    picture(found, HERE / "scale.png")
    if not given.keep:
        for folder in given.cache.glob("*-times-*"):
            shutil.rmtree(folder)
    print(markdown(found))


if __name__ == "__main__":
    main()
